"""A WebSocket client that says exactly what a test wants said, and a server."""
import base64
import os
import re
import select
import socket
import ssl

import ports
from gate import BINARY
from servers import Server

TEXT, BINARY_FRAME, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PEER = BINARY.parent / "tests/ws_peer"
KEY = base64.b64encode(bytes(range(16))).decode()
HEAD = ("GET {} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: " + KEY + "\r\nSec-WebSocket-Version: 13\r\n{}\r\n")


def frame(opcode, payload=b"", fin=1, rsv=0, mask=b"\x37\xfa\x21\x3d", length=None):
    """One frame (RFC 6455 5.2); length: what its head says instead of the truth."""
    n = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + n.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    masked = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
    return head + mask + masked


def close_payload(code, reason=b""):
    return code.to_bytes(2, "big") + reason


BUSY = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Socket:
    """One connection.  Sends while it reads, so that neither side waits for the other;
    every wait is bounded by 20 s."""

    def __init__(self, server, path="/echo", fields="", behind=b"", head=None):
        self.s = socket.create_connection(("127.0.0.1", server.port), 20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.ca:
            context = ssl.create_default_context(cafile=server.ca)
            self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.s.setblocking(False)
        self.buffer, self.outgoing = b"", []
        self.send((head or HEAD.format(path, fields)).encode() + behind)
        self.head = self.read_head()
        self.status = int(self.head[9:12] or 0)

    def send(self, data, chop=None):
        """Sends, in pieces of `chop` bytes, as far as it can at once; fill sends the
        rest."""
        for at in range(0, len(data), chop or len(data) or 1):
            self.outgoing.append(data[at:at + (chop or len(data))])
        self.push()

    def push(self):
        try:
            while self.outgoing:
                sent = self.s.send(self.outgoing[0])
                self.outgoing[0] = self.outgoing[0][sent:]
                if not self.outgoing[0]:
                    self.outgoing.pop(0)
        except BUSY:
            pass
        except (ConnectionError, ssl.SSLEOFError):
            self.outgoing = []  # it was refused; what it said can be read

    def flush(self):
        while self.outgoing:
            _, writable, _ = select.select([], [self.s], [], 20)
            assert writable, "nothing can be sent"
            self.push()

    def field(self, name):
        found = re.search(rf"\r\n{name}: ([^\r]*)", self.head, re.I)
        return found and found.group(1)

    def fill(self):
        """False: EOF."""
        while True:
            try:
                got = self.s.recv(1 << 20)
                self.buffer += got
                return bool(got)
            except BUSY:
                ready = select.select([self.s], [self.s] if self.outgoing else [], [], 20)
                assert any(ready), f"nothing came behind {self.buffer[:80]}"
                self.push()

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer and self.fill():
            pass
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.decode() + "\r\n"

    def take(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def receive(self):
        """(opcode, payload) of the next frame, which must be whole, plain and unmasked;
        None at EOF."""
        try:
            first, second = self.take(2)
        except EOFError:
            return None
        assert first & 0xf0 == 0x80 and not second & 0x80, (first, second)
        n = second
        if n > 125:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        return first & 15, self.take(n)

    def end(self):
        """The frames that are left, until the server's EOF."""
        frames = []
        while (got := self.receive()) is not None:
            frames.append(got)
        return frames

    def bye(self):
        """A clean close from here; what the server still said."""
        self.send(frame(CLOSE, close_payload(1000)))
        frames = self.end()
        self.s.close()
        return frames


class Peer(Server):
    """ws_peer serve; pair: (certificate, key) for TLS, of the authority with file ca."""

    name, binary = "ws_peer", PEER

    def __init__(self, folder, pair=None, ca=None, **options):
        super().__init__(folder)
        self.port, self.ca, self.pair, self.options = ports.take(), ca, pair, options

    def start(self):
        options = dict(self.options, port=self.port)
        if self.pair:
            options.update(cert=self.pair[0], key=self.pair[1])
        return self.spawn(self.binary, "serve", *(f"{k}={v}" for k, v in options.items()),
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=1"))

    def ready(self):
        return "ready" in self.log.read_text()

    @property
    def url(self):
        return f"{'wss' if self.ca else 'ws'}://127.0.0.1:{self.port}"

    def ends(self):
        """The lines that say how sockets ended, oldest first."""
        return [line for line in self.log.read_text().splitlines()
                if line.startswith(("closed", "left"))]
