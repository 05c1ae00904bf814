"""Bounds of connections: how many, how slow, how long; each answered before the end."""
import json
import socket

import pytest
import requests

from hostile.wire import Heard
from settings import laid_over
from wait import until

GET = b"GET /openapi.yaml HTTP/1.1\r\nHost: gate\r\n\r\n"


@pytest.fixture
def gate(new_gate, tmp_path):
    """One worker, so that its bounds are the gate's."""
    http = {"header_s": 60, "connections": 40, "per_address": 15}
    return new_gate(workers=1, config=laid_over(tmp_path, http=http))


@pytest.fixture
def hasty(new_gate, tmp_path):
    http = {"header_s": 1, "idle_s": 1, "write_s": 1, "linger_s": 1}
    return new_gate(workers=1, config=laid_over(tmp_path, http=http))


def connect(gate, address="127.0.0.1", small=False):
    s = socket.socket()
    s.settimeout(10)
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind((address, 0))
    s.connect(("127.0.0.1", gate.port))
    return s


def heard(s):
    """All until EOF."""
    h = Heard()
    while chunk := s.recv(65536):
        h.data += chunk
    h.eof = True
    h.take()
    return h


def refused(s):
    h = heard(s)
    assert h.statuses == [503] and h.closes, h.data
    assert b"\r\nRetry-After: 1\r\n" in h.data
    assert json.loads(h.bodies[0])["type"] == "/problems/busy"
    return True


def test_one_address_has_its_share_of_connections(gate):
    kept = [connect(gate) for _ in range(15)]
    assert refused(connect(gate)) and refused(connect(gate))
    other = connect(gate, "127.0.0.2")
    other.sendall(GET)
    assert other.recv(12) == b"HTTP/1.1 200"
    kept.pop().close()
    until(lambda: requests.get(gate.url + "/openapi.yaml", timeout=5).ok,
          "a place is free again")


def test_all_connections_have_a_bound(gate):
    kept = [connect(gate, f"127.0.0.{2 + n // 10}") for n in range(40)]
    assert refused(connect(gate, "127.0.0.9"))
    assert requests.get(gate.admin + "/livez", timeout=5).ok, "the operator still hears"
    for s in kept:
        s.close()
    until(lambda: requests.get(gate.url + "/openapi.yaml", timeout=5).ok,
          "places are free again")


def test_more_of_the_refused_do_no_harm(gate):
    """Beyond those that are told, connections over the bound are closed at once."""
    kept = [connect(gate, f"127.0.0.{2 + n // 10}") for n in range(40)]
    crowd = [connect(gate, f"127.0.1.{1 + n // 10}") for n in range(300)]
    told = 0
    for s in crowd:
        try:
            told += heard(s).statuses == [503]
        except ConnectionError:
            pass
    assert told >= 64
    kept[0].sendall(GET)
    assert kept[0].recv(12) == b"HTTP/1.1 200"


def test_a_reader_that_does_not_read_is_cut(hasty):
    """It asks for more than the sockets' buffers hold and takes none of it."""
    s = connect(hasty, small=True)
    s.setblocking(False)
    sent = 0
    try:
        for _ in range(2000):
            sent += s.send(GET)
    except BlockingIOError:
        pass
    assert sent > 10 * len(GET)

    def cut():
        try:
            s.send(GET)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        return False

    until(cut, "the connection is cut", seconds=20)
    assert requests.get(hasty.url + "/openapi.yaml", timeout=5).ok


def test_a_connection_that_asks_nothing_is_closed(hasty):
    assert heard(connect(hasty)).data == b"", "nothing was asked, nothing is answered"
    s = connect(hasty)
    s.sendall(GET)
    h = heard(s)
    assert h.statuses == [200] and h.eof
