"""Something else where LiveKit should be, and rooms that vanish under a grant."""
import asyncio
import concurrent.futures
import http.server
import json
import threading

import pytest
from livekit import api, rtc

import ports
import webrtc
from faulty import Faulty
from gate import problem
from wait import until

HTML = b"<html><body>It works!</body></html>"
HUGE, MEG = 100 << 20, 1 << 20


class Stub(http.server.ThreadingHTTPServer):
    """Answers as `mode` says; "sound" is LiveKit's CreateRoom."""

    daemon_threads = True

    def __init__(self):
        self.mode, self.sent, self.over = "sound", 0, threading.Event()
        super().__init__(("127.0.0.1", ports.take()), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def env(self):
        url = f"http://127.0.0.1:{self.server_port}"
        return {"LIVEKIT_URL": url, "LIVEKIT_API_KEY": "APIstub",
                "LIVEKIT_API_SECRET": "s" * 32}

    def close(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def answer(self, status, body, kind="application/json", length=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        if self.path.endswith("/CreateRoom"):
            self.server.traceparent = self.headers["traceparent"]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        getattr(self,
                self.server.mode)(json.dumps({"name": asked.get("name", "")}).encode())

    def sound(self, room):
        self.answer(200, room)

    def error(self, room):
        self.answer(500, b'{"code":"internal","msg":"the disk is full"}')

    def refusal(self, room):
        self.answer(401, b'{"code":"unauthenticated","msg":"invalid API key"}')

    def page_404(self, room):
        self.answer(404, HTML, "text/html")

    def page(self, room):
        self.answer(200, HTML, "text/html")

    def half(self, room):
        self.answer(200, room[: len(room) // 2], length=len(room))
        self.close_connection = True

    def other_room(self, room):
        self.answer(200, b'{"name":"camera_elsewhere"}')

    def huge(self, room):
        self.answer(200, b"", length=HUGE)
        try:
            while self.server.sent < HUGE:
                self.wfile.write(b" " * MEG)
                self.server.sent += MEG
        except OSError:
            self.close_connection = True

    def silent(self, room):
        self.server.over.wait(30)
        self.close_connection = True

    def hang_up(self, room):
        self.close_connection = True


@pytest.fixture
def stub():
    stub = Stub()
    yield stub
    stub.close()


@pytest.mark.parametrize("mode, status", [
    ("error", 503), ("refusal", 503), ("page_404", 500), ("page", 500), ("half", 503),
    ("other_room", 500), ("huge", 500), ("silent", 503), ("hang_up", 503)])
def test_something_else_answers_for_livekit(new_gate, stub, mode, status):
    gate = new_gate(**stub.env())
    alice = gate.client()
    stub.mode = mode
    reply = alice.reserve("gate-1", headers={"Idempotency-Key": "k"})
    body = problem(reply, status)
    assert reply.elapsed.total_seconds() < 3 + 4
    assert "livekit" in body["detail"] and "token" not in body
    if status == 503:
        assert int(reply.headers["Retry-After"]) > 0
    assert alice.leases() == [] and gate.metric("camgate_leases") == 0
    assert [row["outcome"] for row in gate.decisions(subject="alice")] == ["error"]
    assert stub.sent < HUGE / 2
    stub.mode = "sound"
    assert alice.reserve("gate-1", headers={"Idempotency-Key": "k"}).status_code == 201


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("given, trace", [
    (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
    (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None), (None, None)])
def test_a_request_for_livekit_carries_the_clients_trace(new_gate, stub, given, trace):
    alice = new_gate(**stub.env()).client()
    reply = alice.reserve("gate-1", headers={"traceparent": given} if given else {})
    assert reply.status_code == 201
    version, carried, parent, flags = stub.traceparent.split("-")
    assert (version, len(parent)) == ("00", 16)
    assert carried == (trace or reply.headers["X-Request-Id"].rjust(32, "0"))
    assert flags == ("01" if trace else "00")


# ---- rooms that vanish

async def delete(livekit, room):
    async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as lk:
        await lk.room.delete_room(api.DeleteRoomRequest(room=room))


async def joins(url, token):
    try:
        async with webrtc.joined(url, token):
            return True
    except rtc.ConnectError:
        return False


def opens(livekit, token):
    return asyncio.run(joins(livekit.ws, token))


@pytest.mark.xdist_group("livekit")
@pytest.mark.parametrize("way", ["token", "beat"])
def test_a_room_that_vanishes_before_the_reply_is_opened_again(tmp_path, livekit, started,
                                                               way):
    """It is deleted while the row of its grant is on its way to the disk."""
    gate = Faulty(tmp_path / "gate", **livekit.env())
    livekit.webhook = gate.url + "/webhook/livekit"
    started(livekit), started(gate)
    alice = gate.client()
    before = gate.calls("append")
    gate.spoil("append", "slow")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(alice.grant, "lobby-1")
        until(lambda: gate.calls("append") > before, "the row is on its way", every=0.005)
        asyncio.run(delete(livekit, "camera_lobby-1"))
        grant = asked.result(20)
    until(lambda: gate.metric("camgate_livekit_webhook_events_total") >= 2,
          "LiveKit told of it")
    assert not opens(livekit, grant["token"])
    if way == "token":
        again = alice.fresh_token("lobby-1").json()
    else:
        again = until(
            lambda: (b := alice.heartbeat(grant["lease_id"]).json()).get("token") and b,
                      "a beat with a new token")
    assert opens(livekit, again["token"]) and opens(livekit, grant["token"])


@pytest.mark.xdist_group("livekit")
def test_rooms_that_a_restart_took_away_are_opened_again(pair):
    """No webhook tells of it; what the gate remembers of a room it forgets soon
    enough."""
    gate, livekit = pair
    alice = gate.client()
    grant = alice.grant("lobby-1")
    livekit.kill()
    livekit.start()
    assert not opens(livekit, grant["token"])
    until(lambda: (r := alice.fresh_token("lobby-1")).status_code == 200
          and opens(livekit, r.json()["token"]), "a token that opens its room",
          seconds=20)
