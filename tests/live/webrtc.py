"""Real WebRTC participants: one that watches, one that publishes a test picture."""
import asyncio
import datetime
from contextlib import asynccontextmanager

from livekit import api, rtc

WIDTH, HEIGHT = 320, 180
BOUND = 25


@asynccontextmanager
async def joined(url, token):
    """The room, joined; left again at the end.  Refusals come as rtc.ConnectError."""
    room = rtc.Room()
    await asyncio.wait_for(room.connect(url, token, rtc.RoomOptions(auto_subscribe=True)),
                           BOUND)
    try:
        yield room
    finally:
        await room.disconnect()


def publisher_token(server, room, identity="camera"):
    """A token of the SFU's own key, as a camera would have it; camgate has no part in
    it."""
    return (api.AccessToken(server.key, server.secret).with_identity(identity)
            .with_ttl(datetime.timedelta(minutes=10))
            .with_grants(api.VideoGrants(room_join=True, room=room, can_publish=True,
                                         can_subscribe=False)).to_jwt())


async def publish(room):
    """Publishes a moving grey picture until cancelled."""
    source = rtc.VideoSource(WIDTH, HEIGHT)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    await asyncio.wait_for(room.local_participant.publish_track(track), BOUND)
    frame = 0
    while True:
        grey = bytes([frame % 256]) * (WIDTH * HEIGHT * 3 // 2)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420,
                                            grey))
        frame += 1
        await asyncio.sleep(1 / 15)


@asynccontextmanager
async def camera(server, room_name):
    """A publisher in the room, publishing."""
    async with joined(server.ws, publisher_token(server, room_name)) as room:
        task = asyncio.create_task(publish(room))
        try:
            yield room
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def first_frame(room):
    """(width, height) of the first picture that arrives."""
    tracks = asyncio.Queue()
    room.on("track_subscribed", lambda track, publication, who: tracks.put_nowait(track))
    for who in room.remote_participants.values():
        for publication in who.track_publications.values():
            if publication.track:
                tracks.put_nowait(publication.track)
    track = await asyncio.wait_for(tracks.get(), BOUND)
    stream = rtc.VideoStream(track)
    try:
        async def one():
            async for event in stream:
                return event.frame.width, event.frame.height
        return await asyncio.wait_for(one(), BOUND)
    finally:
        await stream.aclose()


async def gone(room, seconds=BOUND):
    """Waits until the server has put this participant out."""
    over = asyncio.Event()
    room.on("disconnected", lambda *why: over.set())
    if not room.isconnected():
        return
    await asyncio.wait_for(over.wait(), seconds)


async def watch(url, token):
    """Join, and the size of the first picture."""
    async with joined(url, token) as room:
        return await first_frame(room)
