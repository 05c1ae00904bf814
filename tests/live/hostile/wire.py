"""Bytes over sockets as they are, many connections at a time."""
import asyncio
import contextlib
import re
from dataclasses import dataclass, field

OF_09 = re.compile(rb'"status":(\d{3})|<title>(\d{3})')  # a body alone, as in HTTP/0.9


@dataclass
class Heard:
    """What came back on one connection."""

    headless: bool = False  # the request is a HEAD: its answer has no body
    data: bytes = b""
    statuses: list = field(default_factory=list)  # of the final answers, in order
    closes: bool = False                          # the last one said Connection: close
    eof: bool = False
    reset: bool = False
    bodies: list = field(default_factory=list)

    def take(self):
        """Reads what whole answers `data` holds; called again when there is more."""
        self.statuses, self.bodies, rest = [], [], self.data
        if self.eof and rest and not rest.startswith(b"HTTP/"):
            said = OF_09.search(rest)
            self.statuses = [int(said[1] or said[2]) if said else -1]
            return
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            words = lines[0].split(" ", 2)
            if not words[
                0].startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():
                self.statuses.append(-1)  # bytes that are no answer
                return
            fields = {n.strip().lower(): v.strip()
                      for n, _, v in (l.partition(":") for l in lines[1:])}
            if words[1].startswith("1"):
                continue
            length = 0 if self.headless and not self.statuses \
                else int(fields.get("content-length", 0))
            if len(rest) < length:
                return  # more of it must come
            self.statuses.append(int(words[1]))
            self.bodies.append(rest[:length])
            self.closes = fields.get("connection", "").lower() == "close"
            rest = rest[length:]


async def say(port, data, patience, host="127.0.0.1", tls=None, leave=False, answers=1,
              at_door=None):
    """Sends data, reads as many answers as are due, then all until the server's EOF.

    A server that answers and keeps the connection is shown EOF, so that it says what it
    has left to say; with `leave` it is shown EOF behind the data.  `patience` bounds the
    whole; what is missing then is missing in the result.  `at_door`, a semaphore, bounds
    how many dial and send at a time, so that a deadline finds their bytes there.
    """
    async with at_door or contextlib.nullcontext():
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        writer.write(data)
    heard, shown = Heard(headless=data.startswith(b"HEAD ")), leave

    async def write():
        try:
            await writer.drain()
            if leave:
                writer.write_eof()
        except OSError:
            pass  # it was refused before it was all out; the answer tells

    writing = asyncio.ensure_future(write())
    try:
        async with asyncio.timeout(patience):
            while not heard.eof:
                chunk = await reader.read(65536)
                heard.data += chunk
                heard.eof = not chunk
                heard.take()
                all_heard = len(heard.statuses) >= answers and not heard.closes
                if all_heard and not shown and tls is None:
                    shown = True
                    writer.write_eof()
    except TimeoutError:
        pass
    except OSError:
        heard.reset = True
    writing.cancel()
    writer.transport.abort()
    return heard


def say_all(port, cases, patience, at_a_time=16, **options):
    """[(case, Heard)] in the cases' order."""

    async def everything():
        room, at_door = asyncio.Semaphore(at_a_time), asyncio.Semaphore(16)

        async def one(case):
            async with room:
                heard = await say(port, case[1], patience, at_door=at_door, **options)
                return case, heard

        return await asyncio.gather(*map(one, cases))

    return asyncio.run(everything())
