"""The issued TURN credentials, on a real coturn."""
import re
import subprocess
import time

import pytest

import servers
from conftest import needs
from wait import until


@pytest.fixture
def credentials(turn, new_gate):
    gate = new_gate(**turn.env())
    grant = gate.client().grant()
    (server,) = [s for s in grant["ice_servers"] if "username" in s]
    assert any(url.startswith(f"turn:127.0.0.1:{turn.port}") for url in server["urls"]), \
        server
    expiry, lease = server["username"].split(":")
    assert lease == grant["lease_id"] and int(expiry) > time.time()
    assert server["ttl_s"] > 0
    return server["username"], server["credential"]


def allocation(turn, username, password):
    """True when coturn gave a relay and carried packets; False when it refused to."""
    needs("turnutils_uclient")
    done = subprocess.run(
        [servers.find("turnutils_uclient"), "-p", str(turn.port), "-u", username, "-w",
         password, "-y", "-c", "-n", "2", "-m", "1", "127.0.0.1"],
        capture_output=True, text=True, timeout=60)
    if "Cannot complete Allocation" in done.stdout:
        return False
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.findall(r"tot_recv_msgs=(\d+)", done.stdout)[-1]) > 0


def test_an_issued_credential_works(turn, credentials):
    assert allocation(turn, *credentials)


def test_an_altered_one_is_refused(turn, credentials):
    name, password = credentials
    altered = ("A" if password[0] != "A" else "B") + password[1:]
    assert not allocation(turn, name, altered)


def test_a_later_expiry_is_refused(turn, credentials):
    name, password = credentials
    expiry, lease = name.split(":")
    assert not allocation(turn, f"{int(expiry) + 3600}:{lease}", password)


def test_an_expired_one_is_refused(turn, new_gate):
    """A lease of two seconds gives credentials of two seconds."""
    gate = new_gate(**turn.env())
    grant = gate.client().grant("brief-1")
    (server,) = [s for s in grant["ice_servers"] if "username" in s]
    expiry = int(server["username"].split(":")[0])
    assert expiry <= time.time() + 5
    until(lambda: time.time() > expiry + 1, "the credential's expiry", seconds=15)
    assert not allocation(turn, server["username"], server["credential"])
