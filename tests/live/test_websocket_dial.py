"""core/ws's dialer against kept servers, and against servers and resolvers that are not
as they should be."""
import asyncio
import base64
import hashlib
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import aiohttp.web
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from livekit import api

import ports
from nameserver import Resolver
from pki import Authority, named
from websocket import CLOSE, PEER, TEXT, close_payload, frame

MASKED_CLOSE = bytes([0x80 | CLOSE, 0x80 | 2])
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def dial(url, **options):
    """What ws_peer says, line by line, without the count of ticks."""
    done = subprocess.run([PEER, "dial", f"url={url}",
                           *(f"{name}={value}" for name, value in options.items())],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 2), done.stderr
    lines = done.stdout.splitlines()
    return [line for line in lines if not line.startswith("ticks")] or [done.stderr]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "pki")


# ---- servers ----

class Scripted:
    """A server of one conversation at a time; answer(request head, key) gives the bytes
    that it says, and it then reads until a close or EOF."""

    def __init__(self, answer, context=None, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port or ports.take()))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.answer, self.context, self.heads = answer, context, []
        self.heard = b""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(20)
            try:
                self.converse(self.context.wrap_socket(s, server_side=True)
                              if self.context else s)
            except OSError:
                s.close()

    def converse(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            if not (got := s.recv(65536)):
                break
            head += got
        self.heads.append(head.decode())
        key = next((line.split(": ")[1] for line in head.decode().split("\r\n")
                    if line.startswith("Sec-WebSocket-Key: ")), "")
        s.sendall(self.answer(key))
        while MASKED_CLOSE not in self.heard and (got := s.recv(65536)):
            self.heard += got
        s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(20)


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def answer(status="101 Switching Protocols", behind=b"", **changed):
    """Makes the bytes of an answer; a field that is None is left out."""
    def make(key):
        fields = {"Upgrade": "websocket", "Connection": "Upgrade",
                  "Sec-WebSocket-Accept": accept_of(key)}
        fields.update({name.replace("_", "-"): v for name, v in changed.items()})
        lines = [f"{name}: {v}" for name, v in fields.items() if v is not None]
        return ("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""])).encode() + behind

    return make


BYE = frame(CLOSE, close_payload(1000), mask=None)
GOOD = answer(behind=frame(TEXT, b"welcome", mask=None) + BYE)
HEARD = ["text welcome", "closed received=1000 sent=1000 why=-"]


def server_context(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


# ---- kept servers ----

@contextmanager
def aiohttp_server(context=None):
    """Echoes text, and tells the request's fields first."""
    seen, ready, loop = {}, threading.Event(), asyncio.new_event_loop()
    port = ports.take()

    async def pings(request):
        ws = aiohttp.web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        seen.update(pings=0, pongs=[])
        for i in range(3):
            await ws.ping(b"%d" % i)
        while seen["pings"] < 3 or len(seen["pongs"]) < 3:
            message = await ws.receive()
            if message.type == aiohttp.WSMsgType.PONG:
                seen["pongs"].append(bytes(message.data))
            else:
                assert message.type == aiohttp.WSMsgType.PING, message
                seen["pings"] += 1
                await ws.pong(message.data)
        await ws.send_str("enough")
        await ws.receive()
        return ws

    async def handle(request):
        ws = aiohttp.web.WebSocketResponse(protocols=["echo.v1"])
        await ws.prepare(request)
        seen.update(request.headers)
        seen["path"] = request.raw_path
        async for message in ws:
            await ws.send_str(message.data)
        seen["code"] = ws.close_code
        return ws

    async def serve():
        app = aiohttp.web.Application()
        app.router.add_get("/pings", pings)
        app.router.add_get("/{any:.*}", handle)
        runner = aiohttp.web.AppRunner(app)
        await runner.setup()
        await aiohttp.web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        ready.set()
        return runner

    def run():
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    try:
        yield port, seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_kept_server(secure, authority):
    context = server_context(authority.issue()) if secure else None
    options = {"ca": authority.ca} if secure else {}
    with aiohttp_server(context) as (port, seen):
        said = dial(f"{'wss' if secure else 'ws'}://localhost:{port}/a/b?c=d%20e",
                    protocols="x.v9, echo.v1", header="Authorization: Bearer a.b.c",
                    say="hällo", **options)
    assert said == ["open echo.v1", "text hällo", "closed received=1000 sent=1000 why=-"]
    assert seen["path"] == "/a/b?c=d%20e" and seen["Authorization"] == "Bearer a.b.c"
    assert seen["Host"] == f"localhost:{port}" and seen["code"] == 1000


def test_pings_both_ways():
    with aiohttp_server() as (port, seen):
        said = dial(f"ws://127.0.0.1:{port}/pings", ping=50, pong=20000)
    assert said == ["open ", "text enough", "closed received=1000 sent=1000 why=-"]
    assert seen["pings"] == 3 and seen["pongs"] == [b"0", b"1", b"2"]


def test_livekit(livekit, started):
    """The real SFU's signalling: what a gateway would relay."""
    started(livekit)
    token = (api.AccessToken(livekit.key, livekit.secret).with_identity("alice")
             .with_grants(api.VideoGrants(room_join=True, room_create=True, room="lobby"))
             .to_jwt())
    made = requests.post(f"{livekit.url}/twirp/livekit.RoomService/CreateRoom",
                         json={"name": "lobby"}, timeout=10,
                         headers={"Authorization": f"Bearer {token}"})
    assert made.status_code == 200, made.text
    url = f"ws://127.0.0.1:{livekit.port}/rtc?protocol=15&access_token="
    said = dial(url + token)
    assert said[0] == "open " and said[1].startswith("binary "), said
    assert dial(url + "none") == ["failed unavailable: the server answers 401 to a "
                                  "WebSocket"]


# ---- answers that are none ----

@pytest.mark.parametrize("make, why", [
    (answer("301 Moved"), "the server answers 301 to a WebSocket"),
    (answer(Sec_WebSocket_Accept=accept_of("another key")),
     "the server's answer does not accept this handshake's key"),
    (answer(Sec_WebSocket_Protocol="other"),
     "the server's answer has a subprotocol that was not offered"),
    (answer(X="x" * 20000), "the server's answer is too long")])
def test_answers_that_are_none(make, why):
    with Scripted(make) as server:
        assert dial(f"ws://127.0.0.1:{server.port}/", protocols="echo.v1") == [
            f"failed unavailable: {why}"]


def test_frames_behind_the_answer_and_masks():
    """What comes in the answer's segment is heard; what goes out is masked."""
    with Scripted(GOOD) as server:
        assert dial(f"ws://127.0.0.1:{server.port}", count=9, say="hello") == ["open ",
                                                                              *HEARD]
    assert server.heads[0].startswith("GET / HTTP/1.1\r\nHost: 127.0.0.1:")
    first, second = server.heard[:2]
    assert first == 0x80 | TEXT and second == 0x80 | 5
    payload = bytes(a ^ b for a, b in zip(server.heard[6:11], server.heard[2:6] * 2))
    assert payload == b"hello" and server.heard[2:6] != bytes(4)


@pytest.mark.parametrize("sent, code, why", [
    (frame(TEXT, b"x"), 1002, "a frame is masked"),
    (frame(TEXT, b"\xff", mask=None), 1007, "a text is not UTF-8"),
    (frame(TEXT, b"", mask=None, length=1 << 20) + b"x", 1009, "the message is too big")])
def test_a_server_that_breaks_the_rules(sent, code, why):
    with Scripted(answer(behind=sent)) as server:
        assert dial(f"ws://127.0.0.1:{server.port}/") == [
            "open ", f"closed received=1006 sent={code} why={why}"]


def test_a_server_that_hangs_up():
    with Scripted(lambda key: b"HTTP/1.1 101 Sw") as server:
        server.converse = lambda s: s.close()
        assert dial(f"ws://127.0.0.1:{server.port}/")[0].startswith(
            "failed unavailable: cannot reach 127.0.0.1")


def test_a_server_that_says_nothing():
    silent = socket.create_server(("127.0.0.1", 0))
    said = dial(f"ws://127.0.0.1:{silent.getsockname()[1]}/", timeout=300)
    silent.close()
    assert len(said) == 1 and said[0].startswith("failed timeout: 127.0.0.1:")


# ---- certificates ----

def refused(server, ca, host="localhost", **options):
    said = dial(f"wss://{host}:{server.port}/", ca=ca, **options)
    assert len(said) == 1 and not server.heads, said
    return said[0].split(": ", 2)[2]


def test_certificates(authority, tmp_path):
    other = Authority(tmp_path / "other", "another authority")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 elsewhere.test\n")
    with Scripted(GOOD, server_context(authority.issue())) as server:
        assert "get local issuer" in refused(server, other.ca)
        assert "ostname mismatch" in refused(server, authority.ca, "elsewhere.test",
                                             hosts=hosts)
        assert dial(f"wss://localhost:{server.port}/", ca=authority.ca,
                    count=9)[1:] == HEARD
        assert dial(f"wss://127.0.0.1:{server.port}/", ca=authority.ca,
                    count=9)[1:] == HEARD
    with Scripted(GOOD, server_context(authority.issue("old", days=(-9, -1)))) as server:
        assert "expired" in refused(server, authority.ca)
    with Scripted(GOOD, server_context(authority.issue("soon", days=(1, 9)))) as server:
        assert "not yet valid" in refused(server, authority.ca)
    with Scripted(GOOD, server_context(authority.issue("client", client=True))) as server:
        assert "purpose" in refused(server, authority.ca)

def test_an_address_is_no_name(authority):
    """An address is looked for among the certificate's addresses, never its names."""
    pair = authority.issue()
    sample = x509.load_pem_x509_certificate(pair[0].read_bytes())
    names = x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")])
    cert = (x509.CertificateBuilder().subject_name(named("127.0.0.1"))
            .issuer_name(authority.name).public_key(sample.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(sample.not_valid_before_utc)
            .not_valid_after(sample.not_valid_after_utc).add_extension(names, False)
            .sign(authority.key, hashes.SHA256()))
    pair[0].write_bytes(cert.public_bytes(Encoding.PEM))
    with Scripted(GOOD, server_context(pair)) as server:
        assert "IP address mismatch" in refused(server, authority.ca, "127.0.0.1")


# ---- names ----

def test_names_of_a_nameserver(tmp_path):
    with Scripted(GOOD) as server:
        with Resolver({("camera.test", "A"): "127.0.0.1"}, tmp_path) as names:
            url = f"ws://camera.test:{server.port}/"
            assert dial(url, resolv=names.conf, count=9)[1:] == HEARD
            assert dial(f"ws://none.test:{server.port}/", resolv=names.conf) == [
                "failed unavailable: cannot resolve none.test: nodename nor servname "
                "provided, or not known"]
            assert {("camera.test", "A"), ("camera.test", "AAAA")} <= set(names.asked)


def test_the_hosts_file_comes_first(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 camera.test\n")
    with Scripted(GOOD) as server, Resolver({}, tmp_path) as names:
        assert dial(f"ws://camera.test:{server.port}/", resolv=names.conf, hosts=hosts,
                    count=9)[1:] == HEARD
        assert not names.asked


@pytest.mark.parametrize("dead, alive", [("A", "AAAA"), ("AAAA", "A")])
def test_the_other_family_is_tried(tmp_path, dead, alive):
    address = {"A": "127.0.0.1", "AAAA": "::1"}
    port = ports.take()
    records = {("both.test", kind): address[kind] for kind in (dead, alive)}
    with Scripted(GOOD, host=address[alive], port=port), Resolver(records, tmp_path) as n:
        assert dial(f"ws://both.test:{port}/", resolv=n.conf, count=9)[1:] == HEARD


@pytest.mark.parametrize("silent, alive", [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_a_silent_address_has_its_share_of_the_time(tmp_path, silent, alive):
    """A listener whose queue is full answers no SYN; the other address does."""
    port, sockets = ports.take(), []
    family = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}[silent]
    for _ in range(5):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        if sockets:
            s.connect_ex((silent, port))
        else:
            s.bind((silent, port))
            s.listen(0)
        sockets.append(s)
    records = {("both.test", "AAAA"): "::1", ("both.test", "A"): "127.0.0.1"}
    with Scripted(GOOD, host=alive, port=port), Resolver(records, tmp_path) as names:
        said = dial(f"ws://both.test:{port}/", resolv=names.conf, count=9, timeout=5000)
    for s in sockets:
        s.close()
    assert said[1:] == HEARD


def test_a_silent_nameserver_blocks_nothing(tmp_path):
    """The deadline comes from the same loop, and timers ran all the while."""
    with Resolver(None, tmp_path) as names:
        done = subprocess.run([PEER, "dial", "url=ws://camera.test:1/", "timeout=500",
                               f"resolv={names.conf}"], stdout=subprocess.PIPE, text=True,
                              timeout=60, check=True)
    ticks, failed = done.stdout.splitlines()
    assert failed == "failed timeout: camera.test:1 was not reached in time"
    assert int(ticks.split()[1]) >= 2
