"""What an idle WebSocket costs: growth of a server's resident memory, divided.

idle.py [SOCKETS] [--json] - default 10000.  core/ws as ws_peer serves it, plain and TLS
1.3, by raw clients.  The first hundred are not counted: they warm what all share.  Each
socket has said one message and heard its echo, so buffers that would stay have been
there.  The kernel's memory of sockets is not the process's and not in the figure.
"""
import argparse
import asyncio
import json
import resource
import ssl
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

from pki import Authority  # noqa: E402
from servers import ROOT  # noqa: E402
from websocket import HEAD, TEXT, Peer, frame  # noqa: E402

WARM, AT_ONCE = 100, 64
HELLO = frame(TEXT, b"x" * 1000)


def resident_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


async def open_one(server, context, gate):
    async with gate:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=context,
            server_hostname="localhost" if context else None)
        writer.write(HEAD.format("/echo", "").encode() + HELLO)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        await reader.readexactly(4 + 1000)
        return writer


async def grow(server, n):
    """KiB a socket, of n."""
    context = ssl.create_default_context(cafile=server.ca) if server.ca else None
    gate = asyncio.Semaphore(AT_ONCE)

    async def open_many(count):
        return await asyncio.gather(*(open_one(server, context, gate)
                                      for _ in range(count)))

    kept = await open_many(WARM)
    before = resident_kib(server.child.pid)
    kept += await open_many(n)
    after = resident_kib(server.child.pid)
    for writer in kept:
        writer.transport.abort()
    return (after - before) / n


def measure(n, pair=None, ca=None):
    """KiB that one of n idle sockets costs its server."""
    with tempfile.TemporaryDirectory() as folder:
        server = Peer(folder, pair=pair, ca=ca, ping=600000)
        server.binary = ROOT / "build/release/tests/ws_peer"
        server.start()
        try:
            return asyncio.run(grow(server, n))
        finally:
            server.stop()


def both(n):
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        return {"plain": measure(n), "tls": measure(n, authority.issue(), authority.ca)}


def main():
    parser = argparse.ArgumentParser(description="KiB of an idle WebSocket")
    parser.add_argument("sockets", type=int, nargs="?", default=10000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if asked.sockets + WARM + 200 > most:
        sys.exit(f"idle.py: {most} descriptors are too few for {asked.sockets} sockets")
    costs = both(asked.sockets)
    if asked.json:
        print(json.dumps({name: round(cost, 2) for name, cost in costs.items()}))
        return
    for name, cost in costs.items():
        print(f"idle WebSockets, {name}: {asked.sockets}, {cost:.1f} KiB each")


if __name__ == "__main__":
    main()
