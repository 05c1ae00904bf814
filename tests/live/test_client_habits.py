"""Habits of clients beyond one request after the other."""
import concurrent.futures
import http.server
import threading
from pathlib import Path

import ports
from pki import Authority
from settings import laid_over
from test_clients import HERE, LIFE, MEMBERS, compiled, said_by
from wait import until


def established(port):
    """Connections that the listener at the port has open."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01"
               for line in lines)


class Pause:
    """A server in the plan's way that answers when `ready()` is true."""

    def __init__(self, ready):
        self.port = ports.take()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                until(ready, "idle connections are closed", seconds=60)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# http.client does not look whether its connection still is one
KEEPS = [name for name, member in MEMBERS.items() if member.connections < len(LIFE)
         and not member.only_http2 and name != "python-http.client"]


def test_connections_closed_while_idle_are_made_anew(new_gate, tmp_path,
                                                     tmp_path_factory):
    """A POST, which no client sends twice by itself, meets no closed connection."""
    ca = Authority(tmp_path / "pki").ca
    built = {name: compiled(tmp_path_factory, name, MEMBERS[name]) for name in KEEPS}
    gate = new_gate(workers=1, config=laid_over(tmp_path, http={"idle_s": 1}))
    plan = tmp_path / "plan"
    plan.write_text(next(step for step in LIFE if step.name == "refused").line() + "\n")
    with Pause(lambda: established(gate.port) == 0) as pause, \
            concurrent.futures.ThreadPoolExecutor(len(KEEPS)) as pool:
        said = dict(zip(KEEPS, pool.map(
            lambda name: said_by(MEMBERS[name], plan, ca, gate.token(name),
                                 [gate.url, pause, gate.url], built[name]), KEEPS)))
    assert {name: answers[gate.url, "refused"][0] for name, answers in said.items()} == \
        dict.fromkeys(KEEPS, "403"), said
    assert {name: len(gate.decisions(subject=name)) for name in KEEPS} == \
        dict.fromkeys(KEEPS, 2)
