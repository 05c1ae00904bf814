"""Habits of clients beyond one request after the other."""
import asyncio
import concurrent.futures
import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import aiohttp
import pytest

import browser
import ports
from conftest import needs
from gate import problem
from pki import Authority
from proxies import OrdinaryHAProxy, OrdinaryNginx
from settings import laid_over
from test_clients import LIFE, MEMBERS, compiled, said_by
from toolchains import lacking, needs_toolchain
from wait import until
from websocket import Peer


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


# http.client does not look whether its connection still is one; who is not there is named
# by test_clients
KEEPS = [name for name, member in MEMBERS.items() if member.connections < len(LIFE)
         and not member.only_http2 and name != "python-http.client"
         and not (member.toolchain and lacking(member.toolchain))]


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


# ---- curl's

def curl(*argv, **options):
    needs_toolchain("curl")
    done = subprocess.run(["curl", "-sS", "-q", *argv], capture_output=True, text=True,
                          timeout=60, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_is_spared_an_upload_that_is_refused(gate, tmp_path):
    """It sends the head of more than 1 MiB and waits for 100; 413 comes instead."""
    body = tmp_path / "body"
    body.write_bytes(b"x" * (2 << 20))
    told = curl("--data-binary", f"@{body}", gate.url + "/reload",
                "-o", tmp_path / "said", "-w", "%{http_code} %{size_upload}",
                "-H", f"Authorization: Bearer {gate.token()}")
    assert told == "413 0" and "content-too-large" in (tmp_path / "said").read_text()


def test_curl_asks_for_http2_on_a_plain_connection(gate):
    told = curl("--http2", gate.url + "/api/v1/stream/leases", "-w", " %{http_version}",
                "-H", f"Authorization: Bearer {gate.token()}")
    assert told == '{"leases":[]} 1.1'


def test_the_gate_is_named_as_a_proxy(gate):
    """The target is absolute then, and the host another."""
    told = curl("-x", gate.url, "http://gate.example/api/v1/stream/leases",
                "-H", f"Authorization: Bearer {gate.token()}")
    assert told == '{"leases":[]}'


# ---- those of few

def dial(port, *pieces):
    s = socket.create_connection(("127.0.0.1", port), 20)
    for piece in pieces:
        s.sendall(piece.encode())
    return s


def reserve(gate, coding, *fields):
    return "\r\n".join((f"POST /api/v1/stream/reserve HTTP/1.1\r\nHost: gate\r\n{coding}",
                        f"Authorization: Bearer {gate.token()}",
                        "Content-Type: application/json", *fields, "", ""))


BODY = '{"camera_id": "lobby-1"}'


@pytest.mark.parametrize("coding, body", [
    (f"Content-Length: {len(BODY)}", BODY),
    ("Transfer-Encoding: chunked", f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n")])
def test_who_waits_for_100_gets_it(gate, coding, body):
    with dial(gate.port, reserve(gate, coding, "Expect: 100-continue")) as s:
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body.encode())
        assert s.recv(100).startswith(b"HTTP/1.1 201 ")


def test_a_half_close_is_leaving(gate):
    """As with nginx; what was granted meanwhile is taken back."""
    with dial(gate.port, reserve(gate, f"Content-Length: {len(BODY)}"), BODY) as s:
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b""
    until(lambda: gate.metric("camgate_leases") == 0, "the lease is undone")
    assert gate.client().leases() == []


@pytest.mark.parametrize("codec, words", [
    ("utf-8-sig", "begins with a byte order mark; send UTF-8 without one"),
    ("utf-16", "holds a NUL byte; send UTF-8")])
def test_what_windows_makes_of_a_text_is_refused_in_words(gate, codec, words):
    reply = gate.client().call("POST", "/api/v1/stream/reserve", data=BODY.encode(codec),
                               headers={"Content-Type": "application/json"})
    assert words in problem(reply, 400, "malformed")["detail"]


@pytest.mark.parametrize("kib, status", [(12, 200), (16, 431)])
def test_cookies_of_other_sites_on_the_same_host(gate, kib, status):
    """A browser sends them all: as much as other servers take, too, then 431."""
    user = gate.client()
    user.http.headers["Cookie"] = "; ".join(f"c{n}={'x' * 1018}" for n in range(kib))
    assert user.call("GET", "/api/v1/stream/leases").status_code == status


async def converse(url, ca):
    trusted = ssl.create_default_context(cafile=ca)
    async with aiohttp.ClientSession() as session, \
            session.ws_connect(url, ssl=trusted, protocols=["echo.v1"]) as ws:
        await ws.send_str("a" * 60_000)
        text = (await ws.receive(20)).data
        await ws.close(code=4321)
        return ws.protocol, text, ws.close_code


# After the fetch there is a connection of HTTP/2, on which a browser opens the socket
# where the proxy offers that (RFC 8441).
PAGE = """
await fetch(given.url.replace("wss", "https"), {mode: "no-cors"});
return await new Promise((done) => {
  const ws = new WebSocket(given.url, "echo.v1");
  let text;
  ws.onopen = () => ws.send("a".repeat(60000));
  ws.onmessage = (event) => { text = event.data; ws.close(4321); };
  ws.onclose = (event) => done([ws.protocol, text, event.code]);
});
"""


@pytest.mark.parametrize("proxy", [OrdinaryNginx, OrdinaryHAProxy])
def test_websockets_behind_a_proxy_of_etc(tmp_path, started, proxy):
    """Of a library and of a page."""
    needs(proxy.name)
    authority = Authority(tmp_path / "pki")
    server = started(Peer(tmp_path / "peer"))
    front = started(proxy(tmp_path / "proxy", server, authority.issue()))
    url = front.fronts[front.SECURE].replace("https", "wss") + "/echo"
    echoed = ("echo.v1", "a" * 60_000, 4321)
    assert asyncio.run(converse(url, authority.ca)) == echoed
    needs_toolchain("chromium")
    with contextlib.closing(browser.Site()) as page:
        told = page.run(PAGE, "--ignore-certificate-errors", url=url)
    assert tuple(told) == echoed
