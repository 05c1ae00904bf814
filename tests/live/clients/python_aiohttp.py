"""aiohttp: a session, an asynchronous generator as a body."""
import asyncio
import ssl

import aiohttp

from life import CA, live


async def pieces(step):
    for piece in step.pieces():
        yield piece


async def new_session():
    trusted = ssl.create_default_context(cafile=CA)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted))


async def ask(base, step):
    body = pieces(step) if step.streamed else step.body
    async with session.request(step.method, base + step.path, headers=step.headers,
                               data=body) as reply:
        return (reply.status, f"{reply.version.major}.{reply.version.minor}",
                reply.headers.get("Content-Type"), await reply.text())


with asyncio.Runner() as runner:
    session = runner.run(new_session())
    live(lambda base, step: runner.run(ask(base, step)))
    runner.run(session.close())
