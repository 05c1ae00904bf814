"""Grants on a real livekit-server, with real WebRTC clients."""
import asyncio
import signal
import time

import pytest
from livekit import api, rtc

import webrtc
from gate import problem
from wait import until

pytestmark = pytest.mark.xdist_group("livekit")


async def rooms(server):
    async with api.LiveKitAPI(server.url, server.key, server.secret) as lk:
        answer = await lk.room.list_rooms(api.ListRoomsRequest())
    return {room.name for room in answer.rooms}


def kinds(gate, lease):
    return [row["kind"] for row in
            gate.rows("SELECT kind FROM trail WHERE lease_id = ? ORDER BY seq", lease)]


def test_a_grant_is_watched(pair):
    gate, livekit = pair
    grant = gate.client().grant()
    assert grant["livekit_url"] == livekit.ws

    async def run():
        async with webrtc.camera(livekit, grant["room"]):
            return await webrtc.watch(grant["livekit_url"], grant["token"])

    assert asyncio.run(run()) == (webrtc.WIDTH, webrtc.HEIGHT)
    until(lambda: {"join", "leave"} <= set(kinds(gate, grant["lease_id"])),
          "join and leave in the trail")
    session = until(lambda: gate.rows("SELECT * FROM sessions WHERE left_at IS NOT NULL"),
                    "the session")[0]
    assert session["lease_id"] == grant["lease_id"] \
        and session["joined_at"] <= session["left_at"]


def test_the_token_opens_no_other_room(pair):
    gate, livekit = pair
    alice = gate.client()
    low, high = alice.grant(quality="low"), alice.grant(quality="high")
    assert low["room"] != high["room"]

    async def run():
        async with webrtc.joined(livekit.ws, low["token"]) as room:
            assert room.name == low["room"]
            forged = low["token"].split(".")
            forged[1] = high["token"].split(".")[1]
            with pytest.raises(rtc.ConnectError):
                async with webrtc.joined(livekit.ws, ".".join(forged)):
                    pass
            async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as lk:
                there = await lk.room.list_participants(
                    api.ListParticipantsRequest(room=high["room"]))
            assert not there.participants

    asyncio.run(run())


def test_a_viewer_cannot_publish(pair):
    gate, livekit = pair
    grant = gate.client().grant()

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]) as room:
            source = rtc.VideoSource(64, 64)
            track = rtc.LocalVideoTrack.create_video_track("x", source)
            with pytest.raises(Exception):
                await asyncio.wait_for(room.local_participant.publish_track(track), 15)
            async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as lk:
                me = await lk.room.get_participant(api.RoomParticipantIdentity(
                    room=grant["room"], identity=grant["lease_id"]))
            assert not me.tracks and not me.permission.can_publish

    asyncio.run(run())


def test_after_release_no_token_and_out_of_the_room(pair):
    gate, livekit = pair
    alice = gate.client()
    grant = alice.grant()

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]) as room:
            assert (await asyncio.to_thread(alice.release,
                                            grant["lease_id"])).status_code == 204
            await webrtc.gone(room)

    asyncio.run(run())
    problem(alice.fresh_token("lobby-1"), 404)


def test_a_viewer_whose_lease_expires_is_out_of_the_room(pair):
    gate, livekit = pair
    grant = gate.client().grant("brief-1")

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]) as room:
            await webrtc.gone(room)

    asyncio.run(run())
    ends = until(lambda: gate.rows("SELECT outcome FROM trail WHERE kind = 'end'"),
                 "the end row")
    assert [row["outcome"] for row in ends] == ["expired"]


def test_the_room_is_gone_after_the_last_leave(tmp_path, started, livekit):
    """CreateRoom carries the gate's own timeouts, so they are shortened in its
    options."""
    from test_stack import with_options
    from gate import Gate
    config = with_options(tmp_path,
                          room_livekit={"empty_timeout_s": 2, "departure_timeout_s": 1})
    gate = Gate(tmp_path / "gate", config=config, **livekit.env())
    livekit.webhook = gate.url + "/webhook/livekit"
    started(livekit), started(gate)
    grant = gate.client().grant()

    async def run():
        async with webrtc.joined(livekit.ws, grant["token"]):
            assert grant["room"] in await rooms(livekit)

    asyncio.run(run())
    until(lambda: grant["room"] not in asyncio.run(rooms(livekit)), "the room's end",
          seconds=30)
    again = gate.client("bob").grant()
    assert again["room"] in asyncio.run(rooms(livekit))


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_livekit_away(pair, started, fault):
    gate, livekit = pair
    alice = gate.client()
    alice.release(alice.grant("lobby-1")["lease_id"])
    if fault == "stopped":
        livekit.kill()
    else:
        livekit.signal(signal.SIGSTOP)
    began = time.monotonic()
    reply = alice.reserve("gate-1")
    away = problem(reply, 503)
    assert time.monotonic() - began < 10 and int(reply.headers["Retry-After"]) > 0
    assert "token" not in away
    row = gate.decisions(camera="gate-1")[-1]
    assert row["outcome"] == "error" and alice.leases() == []
    if fault == "stopped":
        livekit.start()
    else:
        livekit.signal(signal.SIGCONT)
    # one place in gate-1: it is free again, and no restart was needed
    until(lambda: alice.reserve("gate-1").status_code == 201, "works again", seconds=20,
          every=0.2)
