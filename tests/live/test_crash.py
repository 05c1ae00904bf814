"""kill -9 at random instants: what a client was told is in the trail, and counted."""
import random
import threading
import time

import pytest
import requests

from gate import Client, Gate, problem
from wait import until

KILLS, CLIENTS, SEED = 50, 16, 20261124


class Holder(threading.Thread):
    """A client that reserves, and releases about half, until the gate is gone."""

    def __init__(self, gate, number, told):
        super().__init__(daemon=True)
        self.client = Client(gate, gate.token(f"load{number}", roles=["load"], ttl=7200))
        self.random, self.told = random.Random(SEED + number), told

    def run(self):
        granted, released = self.told
        try:
            while True:
                reply = self.client.reserve("lobby-1", quality="low")
                if reply.status_code != 201:
                    assert reply.status_code == 503, reply.text
                    continue
                lease = reply.json()["lease_id"]
                granted.append(lease)
                if self.random.random() < 0.5:
                    if self.client.release(lease).status_code == 204:
                        released.append(lease)
        except requests.RequestException:
            pass


def usage(gate):
    reason = problem(gate.client("probe", roles=["probe"]).reserve(), 403)["reason"]
    return int(reason.removeprefix("in use: "))


def standing(gate):
    """Leases granted and not ended, by the trail."""
    return gate.rows("""SELECT count(*) AS n FROM trail d WHERE kind = 'decision'
        AND outcome = 'allow' AND NOT EXISTS (SELECT 1 FROM trail e WHERE e.kind = 'end'
        AND e.lease_id = d.lease_id)""")[0]["n"]


def check_told(gate, granted, released):
    rows = {row["lease_id"] for row in gate.rows(
        "SELECT lease_id FROM trail WHERE kind = 'decision' AND outcome = 'allow'")}
    ended = [row["lease_id"] for row in gate.rows("SELECT lease_id FROM trail WHERE kind = 'end'")]
    assert set(granted) <= rows, "a client holds a token without its row"
    assert set(released) <= set(ended), "a release was answered and is not in the trail"
    assert len(ended) == len(set(ended)), "a lease ended twice"


@pytest.mark.timeout(900)
def test_fifty_kills_under_load(tmp_path, started):
    gate = started(Gate(tmp_path / "gate"))
    when, granted, released = random.Random(SEED), [], []
    for kill in range(KILLS):
        holders = [Holder(gate, n, (granted, released)) for n in range(CLIENTS)]
        for holder in holders:
            holder.start()
        time.sleep(when.uniform(0.0, 0.4))  # the random instant
        gate.kill()
        for holder in holders:
            holder.join(30)
            assert not holder.is_alive()
        gate.start()
        check_told(gate, granted, released)
        until(lambda: usage(gate) == standing(gate), f"usage is right after kill {kill}")
        if kill % 10 == 9:
            gate.cli("audit", "verify")
    assert len(granted) > KILLS and released


def test_a_holder_keeps_its_lease_over_a_kill(tmp_path, started):
    gate = started(Gate(tmp_path / "gate"))
    alice, bob = gate.client("alice"), gate.client("bob")
    lease = alice.grant("gate-1")["lease_id"]
    gate.kill()
    gate.start()
    assert alice.heartbeat(lease).status_code == 200
    assert problem(bob.reserve("gate-1"), 409)["in_use"] == 1
    assert alice.release(lease).status_code == 204
    assert bob.reserve("gate-1").status_code == 201


def test_a_clean_restart_keeps_leases(tmp_path, started):
    gate = started(Gate(tmp_path / "gate"))
    alice = gate.client("alice")
    lease = alice.grant("gate-1")["lease_id"]
    gate.stop_cleanly()
    gate.start()
    assert alice.heartbeat(lease).status_code == 200
    kinds = [row["kind"] for row in gate.rows() if row["kind"] in ("start", "stop")]
    assert kinds == ["start", "stop", "start"]
