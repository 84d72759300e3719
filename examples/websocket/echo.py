"""An echo by WebSocket, and a page that talks to it.

`pip install flask-sock`, then

longma -c examples/websocket/longma.conf.py --pythonpath examples/websocket echo:app
"""

from flask import Flask, render_template_string
from flask_sock import Sock

PAGE = """\
<!doctype html>
<title>Echo</title>
<form><input name="text" autofocus> <button>Send</button></form>
<ul></ul>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "echo");
  socket.onmessage = (event) => {
    const item = document.createElement("li");
    item.textContent = event.data;
    document.querySelector("ul").append(item);
  };
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(event.target.text.value);
    event.target.reset();
  };
</script>
"""

app = Flask(__name__)
# A client that has gone away without a word is noticed when it does not answer.
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25}
sock = Sock(app)


@app.get("/")
def index():
    return render_template_string(PAGE)


@sock.route("/echo")
def echo(ws):
    """Say everything again, until the client is gone."""
    while True:
        ws.send(ws.receive())
