"""Free ports on loopback, apart from the ephemeral range and from other test
processes."""
import os
import socket

FIRST, EACH, SLOTS = 20000, 1500, 8
_next = None


def slot():
    """pytest-xdist's worker number; processes beside pytest name theirs in the
    environment."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(os.environ.get("CAMGATE_PORT_SLOT", name[2:] or SLOTS - 1)) % SLOTS


def _free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            if kind == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def take(count=1):
    """The first of `count` neighbouring ports, free for TCP and UDP."""
    global _next
    base = FIRST + slot() * EACH
    if _next is None:
        _next = base
    for _ in range(2 * EACH):
        if _next + count > base + EACH:
            _next = base
        first, _next = _next, _next + count
        if all(_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")
