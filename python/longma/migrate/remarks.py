"""The options that make no setting: what longma does without being told, and what is to be done otherwise.

Names may hold `*`. The first row that fits counts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

from longma.migrate.outcome import Outcome, see_to, settle

if TYPE_CHECKING:
    from longma.migrate.expand import Option


class Row(NamedTuple):
    """Options by name, with spaces between, and the words about them."""

    names: str
    words: str


UNIT: Final = "the service manager does it better: in the systemd unit write "

SETTLED: Final = (
    Row("master M", "there is always a master"),
    Row("vacuum", "unix sockets and the pidfile are always removed at the end"),
    Row("single-interpreter i", "there is one interpreter a worker, always"),
    Row("need-app", "an application that does not load always ends the start, with status 3 or 4"),
    Row("die-on-term", "TERM stops the server gracefully; HUP is what reloads"),
    Row("lazy-apps lazy", "each worker loads the application itself unless preload_app is set"),
    Row("enable-threads T no-threads-wait py-call-osafterfork", "threads of the application run in every worker"),
    Row("thunder-lock", "the kernel wakes one worker a connection (EPOLLEXCLUSIVE)"),
    Row("harakiri-verbose", "the log always names the request and shows its Python stack"),
    Row("harakiri-no-arh no-harakiri-* harakiri-queue-threshold", "the timeout covers the request alone"),
    Row(
        "post-buffering* body-read-warning http-raw-body pep3333-input",
        "bodies are always read whole before the application is called: up to body_buffer_size in memory, larger "
        "ones in a file",
    ),
    Row(
        "http-auto-chunked http-chunked-input wsgi-manage-chunked-input chunked-input-*",
        "chunked bodies just work, in both directions",
    ),
    Row("http-manage-expect http11-socket", "Expect: 100-continue is answered"),
    Row(
        "http-processes http-workers http-to http-use-* http-backend-* http-buffer-size http-events http-master "
        "http-socket-modifier*",
        "there is no router process between the clients and the workers",
    ),
    Row(
        "ignore-sigpipe ignore-write-errors disable-write-exception write-errors-*",
        "clients that go away trouble neither the application nor the log",
    ),
    Row("tcp-nodelay so-keepalive close-on-exec* no-fd-passing", "done for every connection"),
    Row(
        "log-master* threaded-logger log-reopen log-req-master* logfile-chown",
        "each line is one write; USR1 reopens the files",
    ),
    Row("log-date logdate log-micros", "lines have their date; the access log has atoms for it: %(t)s, %(D)s"),
    Row(
        "plugin plugins need-plugin need-plugins plugin-dir plugins-dir autoload strict show-config print",
        "longma has no plugins, and reads its settings strictly",
    ),
    Row("honour-stdin", "standard input is left as it is, but in a daemon"),
    Row("gevent-monkey-patch gevent-early-monkey-patch", "the gevent worker patches before the application is loaded"),
    Row("static-gzip*", "a file beside the one asked for is sent where the client takes it: .gz, .br, .zst"),
    Row("honour-range", "parts of files are sent to whoever asks for them"),
    Row("ssl-sessions-* https-session-context", "TLS sessions are resumed, by tickets that all workers read"),
    Row("https-export-cert", "the environ has the client's certificate: SSL_CLIENT_CERT, SSL_CLIENT_S_DN and others"),
    Row("no-orphans", "workers end when their master is gone"),
    Row("auto-procname", "processes have names when setproctitle is installed"),
    Row("offload-threads", "files go out by sendfile while the worker is free again, those of wsgi.file_wrapper too"),
    Row(
        "reaper r skip-atexit skip-zero master-as-root check-interval forkbomb-delay signal-bufsize max-vars "
        "max-apps limit-nproc-soft static-cache-paths*",
        "nothing in longma needs it",
    ),
    Row("memory-report m", "see max_worker_memory; ps shows the rest"),
    Row(
        "drop-after-init drop-after-apps no-initgroups",
        "workers have user and group before they load the application; initgroups asks for the rest",
    ),
    Row("manage-script-name", "SCRIPT_NAME is taken off the path when it is set (raw_env, or a trusted proxy's field)"),
    Row(
        "socket-timeout z http-timeout http-connect-timeout http-headers-timeout",
        "clients have header_timeout, body_timeout and write_timeout, with defaults that suit the open internet",
    ),
    Row("catch-exceptions", "an exception is a 500, and in the log with its traceback"),
    Row("declare-option", "longma.conf.py is Python: write a function"),
)

MISSING: Final = (
    Row("min-worker-lifetime", "a worker that dies at once is replaced with growing delay; nothing to set"),
    Row(
        "max-worker-lifetime*",
        "recycle by requests (max_requests) or memory (max_worker_memory), or send HUP from a timer: it loses no "
        "request",
    ),
    Row(
        "reload-on-as evil-reload-on-as",
        "address space says little: use max_worker_memory, which counts resident memory",
    ),
    Row(
        "limit-as limit-nproc max-fd prio cpu-affinity never-swap ksm",
        UNIT + "MemoryMax=, LimitNPROC=, LimitNOFILE=, Nice= or CPUAffinity=",
    ),
    Row(
        "chroot pivot-root pivot_root unshare cap cgroup* add-gid refork* re-fork* jail* drop-*",
        UNIT + "RootDirectory=, AmbientCapabilities=, SupplementaryGroups=, or use a container",
    ),
    Row("chown-socket", "unix sockets belong to the settings user and group; others enter by the mode (umask)"),
    Row("master-fifo", "send the master signals: docs/signals.md names them"),
    Row(
        "no-site no-user-site pyshell py-profiler",
        "choose the interpreter that longma is started with, and its options",
    ),
    Row("chdir2", "call os.chdir in the hook post_worker_init"),
    Row(
        "threads-stacksize thread-stacksize threads-stack-size thread-stack-size",
        "call threading.stack_size in the application",
    ),
    Row(
        "touch-reload touch-workers-reload touch-chain-reload reload-on-fd brutal-reload-on-fd",
        "send the master HUP instead (kill -HUP PID, systemctl reload): it is rolling and loses no request",
    ),
    Row(
        "touch-logreopen touch-logrotate log-maxsize log-backupname log-truncate",
        "rotate with logrotate and send USR1 in its postrotate",
    ),
    Row(
        "fs-reload fs-brutal-reload", "for development set reload = True and reload_extra_files; in production send HUP"
    ),
    Row("touch-* fs-signal", "watch the file with a systemd path unit, or inotifywait"),
    Row("static-safe", "no link out of a directory of static is followed: name the directory it leads to there"),
    Row("static-skip-ext", "every file below a directory of static is sent, but dot-files: keep others elsewhere"),
    Row("mimefile mime-file", "longma has its own types of files; the application can send those of others"),
    Row(
        "static-* check-static-docroot file-serve-mode fileserve-*",
        "name directories in static; longma sends their files itself (docs/deploy/static.md)",
    ),
    Row(
        "stats* memory-report-* metric* enable-metrics carbon* snmp*",
        'set metrics_path = "/-/metrics" for Prometheus, or statsd_host; longmactl top shows the workers at work',
    ),
    Row(
        "cheap* idle die-on-idle worker-cheap*",
        "the number of workers is fixed: set it to what you need at most (idle ones share their memory), or send "
        "TTIN and TTOU",
    ),
    Row(
        "async ugreen asyncio loop coroutine* greenlet",
        'say it by workers and threads, or by worker_class = "gevent" with worker_connections',
    ),
    Row("gevent-* asyncio-*", "see worker_class"),
    Row("cron* cron2 unique-cron legion-cron* timer", "run it by cron or a systemd timer"),
    Row("spooler* spool* Q", "there is no spooler: use a queue such as Celery, RQ or Huey, or a service of your own"),
    Row("mule* farm mules", "run it as a service of its own beside longma, fed by a queue"),
    Row(
        "attach-daemon* attach-control-daemon smart-attach-daemon* legion-attach-* daemons-*",
        "make it a service of its own; systemd's Requires= and After= tie them together",
    ),
    Row(
        "cache* add-cache-item load-file-in-cache* queue* sharedarea* locks lock-engine ftok persistent-ipcsem "
        "rpc-max uwsgi-node",
        "there is no `import uwsgi`: use Redis, memcached or the database for what workers share",
    ),
    Row(
        "emperor* vassal* heartbeat early-emperor imperial-*",
        "one systemd unit for each application (a template unit longma@.service starts them all)",
    ),
    Row(
        "legion* subscri* fastrouter* rawrouter* sslrouter* forkptyrouter* http-subscri* udp multicast* "
        "unsubscribe-* st weight auto-weight",
        "that is for a load balancer or a cluster manager in front",
    ),
    Row(
        "route* final-route* error-route* response-route* rewrite* add-header rem-header del-header collect-header "
        "response-* http-to-https error-page-*",
        "do it in the proxy, or in a middleware of the application",
    ),
    Row(
        "sni-*",
        "name the files in certfile and keyfile: they are chosen from by the names in them",
    ),
    Row(
        "ssl-* https-*",
        "TLS 1.2 and 1.3 are spoken, with safe suites: ciphers and tls_min_version narrow them (docs/deploy/tls.md)",
    ),
    Row(
        "http-websockets websocket*",
        "there is no `import uwsgi`: use Flask-Sock or simple-websocket with worker_class gthread or gevent "
        "(docs/workers.md)",
    ),
    Row("http2-* spdy*", 'set http_protocols = "h2,h1" (docs/deploy/tls.md)'),
    Row(
        "log-4xx log-5xx log-slow log-big log-zero log-sendfile log-drain log-filter log-route log-req-route "
        "log-ioerror",
        "the access log has every request: filter it where it is read, or with a logger_class of your own",
    ),
    Row(
        "log-x-forwarded-for",
        'set real_ip = "x-forwarded-for" and the proxies in forwarded_allow_ips: REMOTE_ADDR and the log then have the '
        "client",
    ),
    Row("log-prefix logfile-chmod log-format-strftime logformat-strftime", "longma has nothing like it"),
    Row(
        "reload-on-exception* exception-handler*",
        "an exception ends the request, not the worker; report it from the application (Sentry)",
    ),
    Row(
        "alarm* log-alarm not-*alarm* segfault-alarm backtrace-depth use-abort profiler", "watch the log or the metrics"
    ),
    Row(
        "exec-asap exec-pre-jail exec-post-jail exec-in-jail exec-as-root exec-as-user exec-pre-app hook-asap "
        "hook-pre-* hook-post-jail hook-in-jail hook-as-root hook-as-user call-asap call-as-* call-pre-*",
        "write the hook on_starting (master) or post_fork (each worker), see docs/hooks.md; or ExecStartPre= of "
        "systemd",
    ),
    Row(
        "exec-post-app hook-post-app call-post-app hook-accepting*",
        "write the hook post_worker_init, see docs/hooks.md",
    ),
    Row(
        "exec-* hook-* call-* mount-* umount-*",
        "write a hook, see docs/hooks.md: worker_exit and on_exit run at the end, on_starting at the start",
    ),
    Row(
        "pyimport py-import python-import import shared-import spooler-import pymodule-alias py-sharedarea",
        "import it in the application, or in the hook post_fork",
    ),
    Row("pyargv", "the application sees longma's own sys.argv; pass values by raw_env"),
    Row(
        "py-tracebacker python-tracebacker",
        "py-spy dump --pid PID shows the stacks; a request past timeout is logged with its own",
    ),
    Row(
        "pecan eval pyrun web3 pump wsgi-lite embed dyn* no-default-app vhost* default-app ignore-script-name "
        "catch-all",
        "longma serves one WSGI application: wsgi_app = 'MODULE:NAME'",
    ),
    Row(
        "wsgi-env-behavio* wsgi-disable-file-wrapper wsgi-accept-buffer*",
        "longma does as PEP 3333 says; sendfile = False keeps it from sendfile(2)",
    ),
    Row("unenv", "take it out of the environment before longma is started"),
    Row(
        "freebind map-socket socket-sndbuf socket-rcvbuf proto-*",
        "longma has no such option of sockets; sysctl sets the machine's defaults",
    ),
    Row(
        "buffer-size b",
        "the head may have limit_request_fields (100) fields of limit_request_field_size (8190) bytes; the default "
        "is larger than this",
    ),
    Row(
        "ini include inherit config xml yaml yml json inherit-* fallback-config xmlconfig js",
        "this file is not followed: run the tool on it too, and put the settings together",
    ),
    Row(
        "upload-progress flock* safe-fd fd-safe binary-path privileged-* unprivileged-* binsh force-cwd wait-* zeus "
        "no-server command-mode php* psgi* lua* rack* ruby* rails cgi* mongrel2*",
        "longma has nothing like it",
    ),
    Row("http-auto-gzip", "compress in the proxy, or in a middleware of the application"),
    Row("http-*", "that is for uWSGI's own HTTP router: here each worker speaks HTTP to the clients"),
    Row("harakiri-graceful-*", "the worker has a second after ABRT to clear up; the hook worker_abort runs first"),
    Row("envdir early-envdir", "put the variables into raw_env, or into EnvironmentFile= of the systemd unit"),
    Row(
        "after-request-* inject-*", "write the hook post_request, see docs/hooks.md, or a middleware of the application"
    ),
    Row("optimize O", "set PYTHONOPTIMIZE in the environment that longma is started in"),
    Row("exit-on-reload", "HUP reloads and TERM stops, always"),
    Row(
        "py python python-raw python-version py-executable py-sys-executable py-program-name py-programname"
        " py-auto-reload-ignore py-call-uwsgi-fork-hooks config-py shared-py*-import shared-pyimport pyshell-oneshot"
        " post-pymodule-alias python-worker-override worker-exec* wsgi-strict",
        "longma runs in the interpreter that it is installed for, and gives the application what PEP 3333 says",
    ),
    Row("for-glob for-readline if-* ifdir ifenv ifexists ifplugin blacklist whitelist", "write it in Python"),
    Row(
        "allowed-modifiers *-modifier1 *-modifier2 backlog-alarm listen-queue-alarm lq-alarm binary-append-data"
        " build-plugin cflags check-mount* mountpoint-check clock* connect-and-read declare-option2 dlopen dot-h"
        " dump-options extract file-write force-gateway get help usage version iprint logger-list loggers-list"
        " loop-list loops-list mem-collector-freq mode nagios namespace* notify-socket ns* offload-thread"
        " paste-logger pause pcre-jit ping* pivot plugin-list plugins-list print-sym* procname-append"
        " propagate-touch pull-header puwsgi-socket rbtimer reload reload-os-env remap-modifier resolve resume"
        " rrdtool* rsyslog-* setns* shutdown-sockets signal* skip-atexit-teardown start start-unsubscribed stop"
        " suspend symcall* tcp-fast* test ugreen-stacksize unshare2 zerg* exit httprouter check-cache* end-blacklist"
        " end-whitelist",
        "longma has nothing like it",
    ),
)


def translate(option: Option) -> Outcome | None:
    """Return what is to be said of an option, None when neither table knows it."""
    for rows, say in ((SETTLED, settle), (MISSING, see_to)):
        for row in rows:
            if any(fnmatchcase(option.name, name) for name in row.names.split()):
                return say(option, row.words)
    return None
