"""A listener that passes bytes on as they come and keeps what the client sent."""
import asyncio
import threading

import ports


class Tap:
    """tap.sent: a bytearray a connection, in the order in which they were made."""

    def __init__(self, to_port):
        self.port, self.to_port, self.sent = ports.take(), to_port, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.pass_on, "127.0.0.1", self.port),
            self.loop).result(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def pass_on(self, reader, writer):
        kept = bytearray()
        self.sent.append(kept)
        there, away = await asyncio.open_connection("127.0.0.1", self.to_port)
        await asyncio.gather(pump(reader, away, kept), pump(there, writer, bytearray()))
        writer.close()
        away.close()


async def pump(reader, writer, kept):
    """Passes on all bytes, then the end."""
    try:
        while data := await reader.read(65536):
            kept += data
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()
