"""The suites' own servers work, so that a refusal elsewhere is camgate's doing."""
import asyncio

import pytest
from livekit import api, rtc

import webrtc


async def open_room(server, name):
    async with api.LiveKitAPI(server.url, server.key, server.secret) as lk:
        await lk.room.create_room(api.CreateRoomRequest(name=name))


def test_a_published_picture_reaches_a_viewer(livekit, started):
    started(livekit)
    viewer = (api.AccessToken(livekit.key, livekit.secret).with_identity("viewer")
              .with_grants(api.VideoGrants(room_join=True, room="r",
                                           can_publish=False)).to_jwt())

    async def run():
        await open_room(livekit, "r")
        async with webrtc.camera(livekit, "r"):
            return await webrtc.watch(livekit.ws, viewer)

    width, height = asyncio.run(run())
    assert (width, height) == (webrtc.WIDTH, webrtc.HEIGHT)


def test_a_room_that_does_not_exist_is_refused(livekit, started):
    started(livekit)

    async def run():
        async with webrtc.joined(livekit.ws, webrtc.publisher_token(livekit, "nowhere")):
            pass

    with pytest.raises(rtc.ConnectError):
        asyncio.run(run())


def test_valkey_answers(valkey):
    assert valkey.command("SET", "a", "b") == b"+OK"


def test_coturn_listens(turn):
    assert turn.ready()
