"""Writes recorded.txt anew: what this machine's clients put on the wire, and what the
proxies in front of a gate make of it.

    build/venv/bin/python tests/live/clients/record.py

A listener in the gate's place answers everything alike and keeps the bytes.  The text
names host, token and lease as {host}, {token} and {lease}; its line ends stand for CRLF.
"""
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import test_clients as zoo
from conftest import running
from pki import Authority
from proxies import OrdinaryHAProxy, OrdinaryNginx

STEPS = ("first", "reserve", "beat", "release", "reserve-streamed")
THROUGH = ("curl", "node-http2", "python-httpx")  # HTTP/1.1 and both ways to write HTTP/2
BODY = b'{"lease_id": "TheLease"}'
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
          b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))


def read_request(file, say):
    """The bytes of one request, as they came; b"" at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return b""
        head += line
    lower = head.lower()
    if b"expect: 100-continue" in lower:
        say(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", lower)
    if length:
        return head + file.read(int(length[1]))
    return head + read_chunks(file) if b"transfer-encoding: chunked" in lower else head


def read_chunks(file):
    body, size = b"", 1
    while size:
        line = file.readline()
        size = int(line, 16)
        body += line + file.read(size + 2)
    return body


class Listener:
    """Takes any request; `kept` is emptied by whoever has read it."""

    def __init__(self):
        self.kept, self.lock = [], threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=self.socket.accept()[:1],
                             daemon=True).start()

    def serve(self, peer):
        with contextlib.suppress(ConnectionError), peer, peer.makefile("rb") as file:
            while request := read_request(file, peer.sendall):
                with self.lock:
                    self.kept.append(request)
                peer.sendall(ANSWER)

    def take(self):
        with self.lock:
            kept, self.kept = self.kept, []
        return kept


def as_text(request, token):
    text = request.decode("latin-1").replace("\r\n", "\n").replace(token, "{token}")
    text = text.replace("TheLease", "{lease}")
    return re.sub(r"(?mi)^(host: ).*", r"\1{host}", text)


def run(name, folder, ca, url):
    """The member's requests of the plan, at one address."""
    member = zoo.MEMBERS[name]
    steps = [step for step in zoo.LIFE if step.name in STEPS
             and (member.streams or not step.streamed)]
    plan, built = folder / "plan", folder / name
    plan.write_text("".join(step.line() + "\n" for step in steps))
    if member.build and not built.exists():
        built.mkdir()
        subprocess.run([str(a).format(out=built) for a in member.build], check=True)
    argv = [str(a).format(built=built) for a in member.argv]
    subprocess.run([*argv, plan, ca, "TheToken", url], check=True, timeout=60,
                   stdout=subprocess.DEVNULL,
                   env=os.environ | {"NODE_EXTRA_CA_CERTS": str(ca)})
    return steps


def main():
    with running() as start, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        authority, listener, out = Authority(folder / "pki"), Listener(), []
        pair = authority.issue()
        fronts = start(OrdinaryNginx(folder / "nginx", listener, pair)).fronts \
            | start(OrdinaryHAProxy(folder / "haproxy", listener, pair)).fronts

        def record(name, way, url):
            steps = run(name, folder, authority.ca, url)
            for step, request in zip(steps, dict.fromkeys(listener.take())):
                out.append(f"## {step.name}: {name}{way}\n"
                           f"{as_text(request, 'TheToken')}\n")

        for name in (n for n, m in zoo.MEMBERS.items() if not m.only_http2):
            record(name, "", f"http://127.0.0.1:{listener.port}")
        for front, url in fronts.items():
            for name in THROUGH:
                if front in zoo.HTTP2 or not zoo.MEMBERS[name].only_http2:
                    record(name, f", {front}", url)
    (HERE / "recorded.txt").write_text("".join(out))


main()
