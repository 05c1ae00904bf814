"""What clients put on the wire, byte for byte, so that their kinds stay covered where
their toolchains are not.

clients/recorded.txt is what real clients sent, and real proxies made of it (record.py
writes it); clients/imitated.txt is after sources and guides of clients that are not here.
"""
import http.client
import json
import re
import socket
import ssl

import pytest

from pki import Authority
from servers import ROOT
from test_clients import LIFE
from test_tls import SecureGate

HERE = ROOT / "tests/live/clients"
STATUS = {step.name: step.status for step in LIFE}


def recorded(name):
    """[(step, who, text)] in the file's order."""
    blocks = re.split(r"^## ", (HERE / name).read_text(), flags=re.M)[1:]
    cut = (block.partition("\n") for block in blocks)
    return [(*title.split(": ", 1), text[:-1]) for title, _, text in cut]


def on_wire(text, **named):
    for name, value in named.items():
        text = text.replace("{" + name + "}", value)
    return text.replace("\n", "\r\n").encode("latin-1")


@pytest.fixture(params=["plain", "tls"])
def connect(request, tmp_path, started):
    """(gate, connect()) of a listener."""
    if request.param == "plain":
        gate = request.getfixturevalue("gate")
        return gate, lambda: socket.create_connection(("127.0.0.1", gate.port), 20)
    authority = Authority(tmp_path / "pki")
    gate = started(SecureGate(tmp_path / "gate", authority, authority.issue()))
    trusted = ssl.create_default_context(cafile=authority.ca)
    return gate, lambda: trusted.wrap_socket(
        socket.create_connection(("127.0.0.1", gate.port), 20),
        server_hostname="127.0.0.1")


def ask(connect, data, piece):
    """(status, body) of one request on a connection of its own, in pieces of so many
    bytes."""
    with connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), piece):
            s.sendall(data[at:at + piece])
        reply = http.client.HTTPResponse(s)
        reply.begin()
        return reply.status, reply.read()


@pytest.mark.parametrize("piece", [1 << 20, 7], ids=["whole", "in pieces"])
@pytest.mark.parametrize("file", ["recorded.txt", "imitated.txt"])
def test_recorded_requests_are_served(connect, file, piece):
    gate, dial = connect
    user, found = gate.client("zoo"), []
    named = {"host": f"127.0.0.1:{gate.port}", "token": user.token,
             "cookies": "; ".join(f"c{n}={'x' * 4000}" for n in range(3)), "lease": ""}
    for step, who, text in recorded(file):
        if step in ("beat", "release") and not user.leases():
            named["lease"] = user.grant()["lease_id"]
        status, body = ask(dial, on_wire(text, **named), piece)
        if status != STATUS[step]:
            found.append(f"{step}, {who}: {status} {body.decode()}")
        elif step.startswith("reserve"):
            named["lease"] = json.loads(body)["lease_id"]
        if step == "reserve-streamed" or len(user.leases()) > 3:
            for lease in user.leases():
                user.release(lease["lease_id"])
    assert not found, "\n".join(found)
