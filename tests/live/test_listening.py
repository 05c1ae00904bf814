"""Where a gate listens: addresses, families, names; whose a port is; starting again."""
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gate import Gate
from settings import laid_over
from wait import until


def at(folder, address, admin="127.0.0.1", name="gate", **options):
    """A gate, not started, that listens there."""
    folder = folder / name
    folder.mkdir()
    config = laid_over(folder, listen={"address": address}, admin={"address": admin})
    return Gate(folder, config=config, **options)


def answers(host, port, path="/openapi.yaml"):
    """Does a gate answer there?  host as in a URL."""
    try:
        return requests.get(f"http://{host}:{port}{path}", timeout=10).ok
    except requests.ConnectionError:
        return False


HOSTS = ("127.0.0.1", "127.0.0.2", "[::1]")


@pytest.mark.parametrize("address, reached", [
    ("0.0.0.0", {"127.0.0.1", "127.0.0.2"}),
    ("::", {"127.0.0.1", "127.0.0.2", "[::1]"}),
    (["127.0.0.1", "::1"], {"127.0.0.1", "[::1]"}),
    ("127.0.0.2, ::", {"127.0.0.2", "[::1]"}),
    (["0.0.0.0", "::", "127.0.0.1"], {"127.0.0.1", "127.0.0.2", "[::1]"}),
    ("localhost", {"127.0.0.1"} | ({"[::1]"} if any(
        family == socket.AF_INET6 for family, *_ in socket.getaddrinfo("localhost", 80))
        else set())),
])
def test_addresses_families_and_names(tmp_path, started, address, reached):
    gate = at(tmp_path, address)
    assert gate.cli("check").returncode == 0
    started(gate)
    assert gate.cli("check").returncode == 0, "its own port is no fault"
    assert {host for host in HOSTS if answers(host, gate.port)} == reached
    alice, made = gate.client("alice"), []
    for host in sorted(reached):
        reply = alice.http.post(f"http://{host}:{gate.port}/api/v1/stream/reserve",
                                json={"camera_id": "lobby-1"}, timeout=20)
        assert reply.status_code == 201, reply.text
        made.append(reply.json()["lease_id"])
    listed = gate.cli("lease", "ls").stdout
    assert all(lease in listed for lease in made)


def test_the_client_is_the_same_over_both_families(tmp_path, started):
    """An IPv4 client of `::` is its IPv4 address, for the trail and for the lists."""
    gate = started(at(tmp_path, "::"))
    for host, client in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")):
        made = gate.client().http.post(
            f"http://{host}:{gate.port}/api/v1/stream/reserve",
            json={"camera_id": "lobby-1"}, timeout=20).json()
        assert gate.decisions(lease_id=made["lease_id"])[0]["client_addr"] == client


def test_the_administrators_listener_takes_the_same(tmp_path, started):
    gate = started(at(tmp_path, "127.0.0.1", admin=["127.0.0.1", "::1"]))
    assert answers("[::1]", gate.admin_port, "/livez")
    assert not answers("127.0.0.2", gate.admin_port, "/livez")


@pytest.mark.once
@pytest.mark.parametrize("address, says", [
    ("192.0.2.1", "that is no address of this host"),
    (["127.0.0.1", "2001:db8::1"], "that is no address of this host"),
    ("no-such-host.invalid", 'cannot find "no-such-host.invalid"'),
    ("127.0.0.1:8090", "neither an address nor a host's name"),
    ("http://localhost", "neither an address nor a host's name"),
    ([], "must be 1 to 16 elements"),
    ("", "must be 1 to 256 bytes"),
    (8090, "must be an array of strings"),
])
def test_check_and_run_refuse_the_same(tmp_path, address, says):
    gate = at(tmp_path, address)
    for command in ("check", "run"):
        done = gate.cli(command, check=False)
        assert done.returncode == 2, done.stdout
        assert says in done.stderr, done.stderr
    assert "camgate.lua:" in gate.cli("check", check=False).stderr


# ---- whose a port is

def beside(folder, other, name="beside", **options):
    """Another gate, not started, that wants the other's port."""
    gate = Gate(folder / name, CAMGATE_PORT=other.port, **options)
    gate.port = other.port
    return gate


def refused_start(gate, port):
    done = gate.cli("run", check=False)
    assert done.returncode == 2
    assert f"port {port}: another process serves it" in done.stderr, done.stderr


def test_a_port_that_is_served_is_refused(tmp_path, new_gate):
    first = new_gate("first", workers=2)
    refused_start(beside(tmp_path, first, workers=2), first.port)
    third = Gate(tmp_path / "third", CAMGATE_ADMIN_PORT=first.admin_port)
    refused_start(third, first.admin_port)
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        refused_start(Gate(tmp_path / "fourth", CAMGATE_PORT=port), port)
    first.client().grant()


def test_of_two_that_start_at_once_one_serves(tmp_path, started):
    """Whoever loses says so and ends; the winner is not disturbed."""

    def serves(gate):
        try:
            return started(gate) is not None
        except AssertionError:
            return False

    for turn in range(3):
        first = Gate(tmp_path / f"{turn}-0")
        second = beside(tmp_path, first, f"{turn}-1")
        with ThreadPoolExecutor(2) as pool:
            winner, loser = sorted((first, second), reverse=True, key=dict(
                zip((first, second), pool.map(serves, (first, second)))).get)
        assert loser.child.wait(20) == 2 and winner.child.poll() is None
        assert f"port {first.port}: another process serves it" in loser.tail()
        loser.child = None
        winner.client().grant()
        assert winner.stop() == 0


# ---- starting again

def test_again_right_after_a_kill(new_gate):
    """Its connections are still there, closed by the kernel: TIME_WAIT and others."""
    gate = new_gate(workers=2)
    alice = gate.client()
    lease = alice.grant()["lease_id"]
    held = [socket.create_connection(("127.0.0.1", gate.port)) for _ in range(20)]
    for _ in range(3):
        gate.child.kill()
        gate.child.wait()
        gate.start()
        assert alice.heartbeat(lease).status_code == 200
    for one in held:
        one.close()


def test_again_while_the_old_one_drains(tmp_path, started, new_gate):
    """The old gate's listeners are closed as soon as it drains, its requests are not."""
    old = new_gate("old", workers=2)
    token = old.token()
    with socket.create_connection(("127.0.0.1", old.port), 20) as slow:
        slow.sendall(b"GET /api/v1/stream/leases HTTP/1.1\r\nHost: gate\r\n")
        until(lambda: old.metric("camgate_http_connections") >= 1, "it is counted")
        old.signal(signal.SIGTERM)
        until(lambda: not answers("127.0.0.1", old.port), "the old one drains")
        new = started(beside(tmp_path, old, workers=2))
        new.client().grant()
        slow.sendall(f"Authorization: Bearer {token}\r\n\r\n".encode())
        assert slow.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert old.child.wait(20) == 0
    new.client("bob").grant()
