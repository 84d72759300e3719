"""Run nginx: serve_nginx.py PORT STORE static, or PORT STORE http|uwsgi COMMAND..., a server that is behind it.

In the command `{upstream}` stands for the port that the server gets. Both end with this program.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 20.0

CONFIGURATION = """
daemon off;
master_process off;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/octet-stream;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  upstream app {{ server 127.0.0.1:{upstream}; {keepalive} }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location /static/ {{ root {store}; }}
    location / {{ {passing} }}
  }}
}}
"""
PASSING = {
    "static": "return 404;",
    "http": 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; '
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_pass http://app;",
    "uwsgi": "include /etc/nginx/uwsgi_params; uwsgi_pass app;",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    """Return when something listens there; end the program when nothing will."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    sys.exit("the server behind nginx does not listen")


def main() -> None:
    port, store, protocol, *command = sys.argv[1:]
    upstream = free_port()
    children = []
    if command:
        children.append(subprocess.Popen([part.replace("{upstream}", str(upstream)) for part in command]))
        wait_for(upstream, children[0])
    with tempfile.TemporaryDirectory() as place:
        keepalive = "keepalive 64;" if protocol == "http" else ""
        names = {"place": place, "port": port, "store": store, "upstream": upstream, "keepalive": keepalive}
        path = Path(place) / "nginx.conf"
        path.write_text(CONFIGURATION.format(**names, passing=PASSING[protocol]))
        children.append(subprocess.Popen(["nginx", "-c", str(path), "-p", place, "-e", f"{place}/error.log"]))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            os.wait()
        finally:
            for child in children:
                child.terminate()


if __name__ == "__main__":
    main()
