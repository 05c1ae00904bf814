"""Two gates that share one quota in a real Valkey."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate import problem
from wait import until


@pytest.fixture
def gates(valkey, new_gate):
    first = new_gate("one", **valkey.env())
    second = new_gate("two", **valkey.env())
    return first, second


def test_one_limit_over_two_gates(gates):
    one, two = gates
    lease = one.client("alice").grant("gate-1")["lease_id"]
    assert problem(two.client("bob").reserve("gate-1"), 409)["scope"] == "camera:gate-1"
    one_alice = one.client("alice")
    assert one_alice.release(lease).status_code == 204
    until(lambda: two.client("bob").reserve("gate-1").status_code == 201,
          "the place is free")


def test_one_of_sixteen_at_once_gets_the_one_place(gates):
    clients = [gate.client(f"user{n}") for n in range(8) for gate in gates]

    def rush(client):
        return client, client.reserve("gate-1")

    with ThreadPoolExecutor(16) as pool:
        for _ in range(10):
            replies = list(pool.map(rush, clients))
            codes = [reply.status_code for _, reply in replies]
            assert codes.count(201) == 1 and codes.count(409) == 15, codes
            for client, reply in replies:
                if reply.status_code == 201:
                    assert client.release(reply.json()["lease_id"]).status_code == 204


def test_valkey_away_is_503_and_comes_back(gates, valkey):
    one, _ = gates
    alice = one.client()
    valkey.kill()
    began = time.monotonic()
    reply = alice.reserve()
    problem(reply, 503)
    assert time.monotonic() - began < 10 and "Retry-After" in reply.headers
    assert one.decisions(subject="alice")[-1]["outcome"] == "error" \
        and alice.leases() == []
    valkey.start()
    until(lambda: alice.reserve().status_code == 201, "works again", seconds=20,
          every=0.2)
