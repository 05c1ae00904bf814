"""core/ws from outside: a server that echoes, and every byte of a client's is the test's.

The rows of websocket_cases.py follow the sections of Autobahn's fuzzing client, which
itself needs Python 2.  All are strict: the very frames, the very code of close, EOF."""
import asyncio
import base64
import hashlib
import json
import signal
import ssl
import subprocess
import sys

import aiohttp
import pytest

import browser
from pki import Authority
from servers import ROOT
from wait import until
from websocket import (CLOSE, KEY, PING, PONG, TEXT, Peer, Socket, close_payload, frame)
from websocket_cases import CLOSED_AS_SENT, CLOSED_BARE, OPEN, SECTIONS

MESSAGE = 4 << 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module", params=["plain", "tls"])
def server(request, tmp_path_factory, authority):
    secure = {"pair": authority.issue(), "ca": authority.ca}
    peer = Peer(tmp_path_factory.mktemp("peer"), message=MESSAGE, high=1 << 20,
                most=8 << 20, close=20000, **(secure if request.param == "tls" else {}))
    peer.start()
    yield peer
    assert peer.stop() == 0, peer.tail()


@pytest.fixture
def new_peer(tmp_path, started):
    def make(name="peer", **options):
        return started(Peer(tmp_path / name, **options))

    return make


# ---- the sections ----

def last_of(sent, ending):
    """The close that must come back."""
    if ending == CLOSED_BARE:
        return b""
    if ending == CLOSED_AS_SENT:
        at = sent.rindex(b"\x88")
        key, payload = sent[at + 2:at + 6], sent[at + 6:at + 8]
        return bytes(a ^ b for a, b in zip(payload, key))
    return ending.to_bytes(2, "big")


def converse(server, sent, messages, ending, chop):
    s = Socket(server)
    assert s.status == 101
    s.send(sent, chop)
    got = [s.receive() for _ in messages]
    assert got == messages
    if ending == OPEN:
        assert s.bye() == [(CLOSE, close_payload(1000))]
        return
    frames = s.end()
    assert [opcode for opcode, _ in frames] == [CLOSE], frames
    want = last_of(sent, ending)
    assert frames[0][1][:2] == want, (frames, want)
    s.s.close()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.__name__)
def test_section(server, section):
    wrong, names = [], set()
    for name, sent, messages, ending in section():
        assert name not in names
        names.add(name)
        for chop in (None, 1) if len(sent) < 300 else (None, 997) \
                if len(sent) < 70000 else (None,):
            try:
                converse(server, sent, messages, ending, chop)
            except (AssertionError, OSError) as error:
                wrong.append(f"{name}, pieces of {chop}: {error!r:.300}")
    assert not wrong, "\n".join(wrong)
    assert names


# ---- the opening handshake ----

GOOD = {"Host": "a", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
OTHER_KEYS = ("", "x", KEY[:-1], KEY[:-2], KEY + "=", KEY[:-4] + "8===", KEY[:-3] + "9==",
              "*" + KEY[1:], KEY + ", " + KEY)


def opening(method="GET", version="1.1", more=(), **changed):
    """Fields by name; None: left out."""
    fields = dict(GOOD, **{name.replace("_", "-"): v for name, v in changed.items()})
    lines = [f"{name}: {v}" for name, v in fields.items() if v is not None]
    return "\r\n".join([f"{method} /echo HTTP/{version}", *lines, *more, "", ""])


OPENINGS = [
    (101, opening()),
    (101, opening(Upgrade="WebSocket", Connection="keep-alive, UPGRADE")),
    (101, opening(Upgrade="foo, websocket")),
    (101, opening(Connection="keep-alive", more=["Connection: upgrade"])),
    (101, opening(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")),
    (101, opening(Origin="http://a.example")),
    (403, opening(Origin="http://elsewhere.example")),
    (426, opening(Upgrade=None)),
    (426, opening(Upgrade="h2c")),
    (426, opening(Upgrade="websockets")),
    (426, opening("HEAD")),
    (400, opening(Connection=None)),
    (400, opening(Connection="keep-alive")),
    (400, opening(Connection="Upgrade, close")),
    (400, opening(version="1.0", Connection="Upgrade, keep-alive")),
    *[(426, opening(Sec_WebSocket_Version=version))
      for version in (None, "", "12", "14", "013", "13, 8")],
    (426, opening(more=["Sec-WebSocket-Version: 13"])),
    (400, opening(Sec_WebSocket_Key=None)),
    *[(400, opening(Sec_WebSocket_Key=key)) for key in OTHER_KEYS],
    (400, opening(more=["Sec-WebSocket-Key: " + KEY])),
    (400, opening(Sec_WebSocket_Protocol="a b")),
    (400, opening(Sec_WebSocket_Protocol=", ".join(f"p{i}" for i in range(17)))),
    (400, opening(Host=None)),
    (405, opening("DELETE")),
]


@pytest.mark.parametrize("status, head", OPENINGS)
def test_opening(server, status, head):
    s = Socket(server, head=head)
    assert s.status == status, s.head
    if status == 426:
        assert s.field("Upgrade") == "websocket"
        assert s.field("Connection") == "Upgrade"
        assert s.field("Sec-WebSocket-Version") == "13"
    if status != 101:
        return
    both = KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = hashlib.sha1(both.encode()).digest()
    assert base64.b64decode(s.field("Sec-WebSocket-Accept")) == digest
    assert s.field("Upgrade") == "websocket" and s.field("Connection") == "Upgrade"
    assert not s.field("Sec-WebSocket-Extensions") and not s.field("Content-Length")
    assert s.bye() == [(CLOSE, close_payload(1000))]


@pytest.mark.parametrize("offered, chosen", [
    ("", None), ("chat", None), ("echo.v1", "echo.v1"), ("chat, echo.v1", "echo.v1"),
    ("echo.v1,bearer.a.b.c", "echo.v1"), ("ECHO.V1", None),
    ("chat\r\nSec-WebSocket-Protocol: echo.v1", "echo.v1")])
def test_subprotocol(server, offered, chosen):
    fields = f"Sec-WebSocket-Protocol: {offered}\r\n" if offered else ""
    s = Socket(server, fields=fields)
    assert (s.status, s.field("Sec-WebSocket-Protocol")) == (101, chosen)
    s.bye()


def test_a_frame_in_the_segment_of_the_opening(server):
    s = Socket(server, behind=frame(TEXT, b"early"))
    assert s.receive() == (TEXT, b"early")
    s.bye()


def test_other_requests_on_the_same_connection(server):
    """A refused opening leaves an HTTP connection as good as it was."""
    s = Socket(server, head=opening(Upgrade=None))
    length = int(s.field("Content-Length"))
    s.take(length)
    s.send(opening().encode())
    assert s.read_head().startswith("HTTP/1.1 101 ")
    s.send(frame(PING, b"x"))
    assert s.receive() == (PONG, b"x")
    s.bye()


# ---- deadlines, bounds and hostile peers ----

def test_pings_of_ours(new_peer):
    peer = new_peer(ping=50, pong=20000)
    s = Socket(peer)
    for _ in range(5):
        assert s.receive() == (PING, b"")
        s.send(frame(PONG))
    s.bye()


def test_no_pong_no_connection(new_peer):
    peer = new_peer(ping=50, pong=50)
    s = Socket(peer, behind=frame(TEXT, b"bytes are no pong"))
    frames = s.end()
    assert (TEXT, b"bytes are no pong") in frames and (PING, b"") in frames
    assert until(peer.ends, "the end is told") == [
        "closed received=1006 sent=1006 why=no pong came"]


def test_half_open(new_peer):
    """A client that has vanished without a FIN: its kernel answers, nobody else does."""
    peer = new_peer(ping=50, pong=50)
    sockets = [Socket(peer) for _ in range(20)]
    until(lambda: len(peer.ends()) == 20, "all are found gone")
    assert {s.end()[-1] for s in sockets} == {(PING, b"")}


def test_slow_reader_of_an_echo_is_not_read(new_peer):
    """The server stops reading what it cannot say back; what moves again comes whole."""
    peer = new_peer(high=65536, most=1 << 20, write=20000)
    s = Socket(peer)
    one = frame(TEXT, b"x" * 60000)
    s.send(one * 500)
    assert s.outgoing, "30 MB fit into the sockets' buffers"
    for _ in range(500):
        assert s.receive() == (TEXT, b"x" * 60000)
    s.bye()


def test_who_reads_nothing_is_cut(new_peer):
    peer = new_peer(high=65536, write=100)
    s = Socket(peer)
    s.send(frame(TEXT, b"x" * 60000) * 500)
    ends = until(lambda: s.push() or peer.ends(), "the end is told")
    assert ends[0].endswith("why=it reads nothing")


def test_hub_closes_the_slow_and_serves_the_others(new_peer):
    peer = new_peer(high=65536, close=200)
    slow, *others = [Socket(peer, "/hub") for _ in range(5)]
    for i in range(400):
        payload = b"y" * (50000 if i % 2 else 500)  # by reference, by copy
        others[0].send(frame(TEXT, payload))
        for s in others:
            assert s.receive() == (TEXT, payload)
    cut = "left received=1006 sent=4000 why=the close took too long"
    until(lambda: cut in peer.ends(), "the slow one is cut")
    for s in others:
        s.bye()
    slow.s.close()


def test_fragments_without_end(server):
    s = Socket(server)
    s.send(frame(TEXT, b"x", fin=0) + frame(0, b"x", fin=0) * 10000)
    s.send(frame(0, b"x" * (MESSAGE - 10001), fin=0) + frame(0, b"x", fin=0))
    assert s.end() == [(CLOSE, close_payload(1009, b"the message is too big"))]
    empty = Socket(server)
    empty.send(frame(TEXT, b"", fin=0) + frame(0, b"", fin=0) * 50000 + frame(PING))
    assert empty.receive() == (PONG, b"")
    empty.bye()


def test_ten_thousand_pings(server):
    s = Socket(server)
    payloads = [b"%d" % i for i in range(10000)]
    s.send(b"".join(frame(PING, payload) for payload in payloads))
    assert [s.receive() for _ in payloads] == [(PONG, payload) for payload in payloads]
    s.bye()


def test_pings_that_nobody_reads_the_answers_of(new_peer):
    peer = new_peer(high=65536, write=20000)
    s = Socket(peer)
    s.send(frame(PING, b"z" * 125) * 200000)
    assert s.outgoing, "26 MB fit into the sockets' buffers"
    s.s.close()
    until(peer.ends, "the end is told")


def test_killed_in_the_middle(server):
    """Of a frame's head, of a payload, of a message, of a close: nothing is left."""
    whole = frame(TEXT, b"x" * 1000, fin=0) + frame(0, b"y" * 1000)
    lost = "closed received=1006 sent=1006 why=the connection is lost"
    before = server.ends().count(lost)
    for at in (1, 2, 5, 7, 500, 1006, 1008, 1500):
        s = Socket(server)
        s.send(whole[:at])
        s.s.close()
    until(lambda: server.ends().count(lost) == before + 8, "all ends are told")


def test_closes_cross(server):
    """A close that meets the failure's; whatever is behind either is dropped."""
    for behind in (frame(CLOSE, close_payload(1000)), frame(3), frame(TEXT, b"x") * 1000):
        s = Socket(server)
        s.send(frame(TEXT, b"\xff") + behind)
        assert s.end() == [(CLOSE, close_payload(1007, b"a text is not UTF-8"))]
        s.s.close()


def test_who_never_closes_is_left(new_peer):
    peer = new_peer(close=100)
    s = Socket(peer)
    s.send(frame(3))
    assert s.end() == [(CLOSE, close_payload(1002, b"an opcode is not known"))]
    assert "sent=1002" in until(peer.ends, "the end is told")[0]


# ---- draining ----

def test_drain_says_going_away_to_all(new_peer):
    peer = new_peer()
    sockets = [Socket(peer) for _ in range(50)]
    peer.signal(signal.SIGTERM)
    for s in sockets:
        assert s.receive() == (CLOSE, close_payload(1001, b"the server is stopping"))
        s.send(frame(CLOSE, close_payload(1001)))
        assert s.end() == []
        s.s.close()
    assert peer.child.wait(20) == 0
    assert peer.ends() == ["closed received=1001 sent=1001 why=-"] * 50


def test_drain_does_not_wait_for_the_silent(new_peer):
    peer = new_peer(close=100)
    s = Socket(peer)
    peer.signal(signal.SIGTERM)
    assert peer.child.wait(20) == 0
    assert peer.ends() == ["closed received=1006 sent=1001 why=the close took too long"]
    assert s.end() == [(CLOSE, close_payload(1001, b"the server is stopping"))]


# ---- a client of a kept library ----

async def talk(url, context):
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url + "/echo", ssl=context, autoping=False,
                                      protocols=["echo.v1"]) as ws:
            assert ws.protocol == "echo.v1"
            for payload in "", "hällo", "x" * 200000:
                await ws.send_str(payload)
                assert (await ws.receive()).data == payload
            await ws.send_bytes(b"\xff" * 70000)
            assert (await ws.receive()).data == b"\xff" * 70000
            await ws.ping(b"here?")
            got = await ws.receive()
            assert (got.type, bytes(got.data)) == (aiohttp.WSMsgType.PONG, b"here?")
            await ws.close(code=4321, message=b"done")
            return ws.close_code


def test_aiohttp(server):
    context = ssl.create_default_context(cafile=server.ca) if server.ca else True
    assert asyncio.run(talk(server.url, context)) == 4321


SCRIPT = """
const talk = (url, protocols) => new Promise(resolve => {
  const heard = [], ws = new WebSocket(url, protocols);
  ws.binaryType = "arraybuffer";
  ws.onopen = () => ["", "hällo", "x".repeat(100000)].forEach(t => ws.send(t));
  ws.onmessage = e => {
    heard.push(typeof e.data == "string" ? e.data : e.data.byteLength);
    if (heard.length == 3) ws.send(new Uint8Array(70000));
    if (heard.length == 4) ws.close(4321, "done");
  };
  ws.onclose = e => resolve({heard: heard, protocol: ws.protocol, code: e.code,
                             clean: e.wasClean});
});
return [await talk(given.url, ["chat", "echo.v1"]), await talk(given.elsewhere, [])];
"""


def test_chromium(new_peer):
    if not browser.chromium():
        pytest.skip("chromium is not installed (scripts/deps test)")
    peer, site = new_peer(message=MESSAGE, high=1 << 20), browser.Site()
    try:
        good, refused = site.run(SCRIPT, url=peer.url + "/echo",
                                 elsewhere=peer.url + "/none")
    finally:
        site.close()
    assert good == {"heard": ["", "hällo", "x" * 100000, 70000], "protocol": "echo.v1",
                    "code": 4321, "clean": True}
    assert (refused["heard"], refused["code"], refused["clean"]) == ([], 1006, False)


# ---- memory ----

@pytest.mark.skipif(not (ROOT / "build/release/tests/ws_peer").exists(),
                    reason="no release build, and sanitizers' memory says nothing")
def test_idle_sockets_are_small():
    """The benchmark says what ten thousand cost; a buffer that stays would show here."""
    argv = [sys.executable, ROOT / "tests/bench/idle.py", "1500", "--json"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=120, check=True)
    cost = json.loads(done.stdout)
    assert cost["plain"] <= 8 and cost["tls"] <= 22, cost
