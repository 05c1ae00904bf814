"""Two gates that share one quota in a real Valkey."""
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gate import PRESET, problem
from servers import ROOT
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


# ---- keys that go: an allkeys-lru Valkey under a foreign load

BEAT, LAPSE, PLACES = 1, 3, 6
KEYS = ("camgate:usage", "camgate:leases", "camgate:expiry")
SHARED = f"""return {{ name = "shared", match = {{ camera = "shared" }},
  decide = function(req)
    return allow {{ scopes = {{ scope("user:" .. req.subject.id, 1),
                              scope("shared", {PLACES}) }} }}
  end }}
"""


@pytest.fixture
def sharing(valkey, new_gate, tmp_path):
    """sharing(lapse) starts two gates on the first database of a Valkey that evicts."""
    valkey.command("CONFIG", "SET", "maxmemory", "100mb")
    valkey.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "shared.lua").write_text(SHARED)
    (tmp_path / "cameras.json").write_text('{"cameras": [{"id": "shared"}]}')
    config = tmp_path / "camgate.lua"

    def start(lapse):
        config.write_text(
            "local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text()
            + f"\nend)()\nconf.lease.beat_s, conf.lease.lapse_s = {BEAT}, {lapse}\n"
            f"conf.plugin_dir = '{ROOT}/build/{PRESET}/plugins'\nreturn conf\n")
        return [new_gate(name, policies=policies, cameras=tmp_path / "cameras.json",
                         config=config, VALKEY_URL=f"redis://127.0.0.1:{valkey.port}/0")
                for name in ("one", "two")]

    return start


def usage(valkey, scope):
    answer = valkey.command("FCALL", "camgate_usage", len(KEYS), *KEYS, scope)
    return int(answer[1:]) if answer[:1] == b":" else None


def live(gates):
    """Subjects of all leases that live, one for each lease."""
    return [lease["subject"] for gate in gates
            for lease in gate.client("root", roles=["admin"]).call(
                "GET", "/api/v1/stream/leases").json()["leases"]]


class Viewers:
    """Each keeps a stream, and asks for another one when it has lost it; at both gates
    at once, so that each user tries to have two."""

    def __init__(self, gates, users):
        self.gates, self.over = gates, threading.Event()
        self.threads = [threading.Thread(target=self.view, args=(gate, f"user-{n}"))
                        for n in range(users) for gate in gates]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def view(self, gate, user):
        client, lease = gate.client(user), None
        while not self.over.wait(BEAT / 4):
            try:
                if lease is None:
                    reply = client.reserve("shared")
                    lease = reply.json()["lease_id"] if reply.status_code == 201 else None
                elif client.heartbeat(lease).status_code in (404, 409, 410):
                    lease = None
            except requests.RequestException:
                pass


def evict(valkey):
    """Others write until at least one of the quota's keys is evicted; then there is room
    again."""
    junk = "x" * 20000
    valkey.command("CONFIG", "SET", "maxmemory", "4mb")
    for n in range(20000):
        valkey.command("SET", f"foreign:{n}", junk)
        if n % 10 == 0 and valkey.command("EXISTS", *KEYS) != b":3":
            valkey.command("CONFIG", "SET", "maxmemory", "100mb")
            return
    raise AssertionError("nothing of the quota was evicted")


def seconds_beyond(gates, seconds):
    """The longest time at a stretch in which a limit was passed, of the next seconds."""
    longest, since, end = 0.0, None, time.monotonic() + seconds
    while time.monotonic() < end:
        subjects = live(gates)
        passed = len(subjects) > PLACES or len(subjects) != len(set(subjects))
        now = time.monotonic()
        since = (since or now) if passed else None
        longest = max(longest, now - since) if since else longest
        time.sleep(0.05)  # a look, not a wait
    return longest


def test_what_is_evicted_is_right_again_within_a_lapse(sharing, valkey):
    gates = sharing(LAPSE)
    with Viewers(gates, users=PLACES + 2):
        until(lambda: len(live(gates)) == PLACES, "all places are taken")
        for _ in range(3):
            evict(valkey)
            assert seconds_beyond(gates, LAPSE + BEAT) < LAPSE + BEAT / 2
            until(lambda: usage(valkey, "shared") == len(live(gates)) == PLACES,
                  "usage is what lives", seconds=2)
            subjects = live(gates)
            assert len(subjects) == len(set(subjects)), subjects
    until(lambda: live(gates) == [], "all have lapsed")
    until(lambda: usage(valkey, "shared") == 0, "nothing is in use")
    for gate in gates:
        assert "may evict what is counted" in gate.log.read_text()


def test_what_an_empty_valkey_lacks_comes_back_with_the_next_beats(sharing, valkey):
    gates = sharing(60)
    clients = [gate.client(f"user-{n}") for n, gate in enumerate(gates * 2)]
    leases = [client.grant("shared")["lease_id"] for client in clients]
    valkey.kill()
    valkey.start()  # as a replica would be that had nothing yet
    for client, lease in zip(clients, leases):
        until(lambda client=client, lease=lease:
              client.heartbeat(lease).status_code == 200, "its beat is answered")
    assert usage(valkey, "shared") == len(leases)
    problem(gates[1].client("user-0").reserve("shared"), 409)
    valkey.command("FLUSHALL")
    valkey.command("FUNCTION", "FLUSH")
    for client, lease in zip(clients, leases):
        until(lambda client=client, lease=lease:
              client.heartbeat(lease).status_code == 200, "its beat is answered")
    assert usage(valkey, "shared") == len(leases)


# ---- green means that the work would succeed

@pytest.mark.parametrize("trouble, words, cure", [
    (("REPLICAOF", "127.0.0.1", "1"), "it is a replica", ("REPLICAOF", "NO", "ONE")),
    (("CONFIG", "SET", "maxmemory", "1"), "it is at maxmemory",
     ("CONFIG", "SET", "maxmemory", "0")),
])
def test_ready_is_red_and_check_says_why_when_a_reserve_is_503(
        valkey, new_gate, trouble, words, cure):
    gate = new_gate(**valkey.env())
    valkey.command(*trouble)
    alice = gate.client()
    until(lambda: alice.reserve("gate-1").status_code == 503, "nothing is granted")
    assert words in problem(alice.reserve("gate-1"), 503)["detail"]
    until(lambda: not gate.ready(), "/readyz is red")
    assert words in requests.get(gate.admin + "/readyz?verbose", timeout=5).text
    assert words in gate.cli("check").stdout
    valkey.command(*cure)
    until(gate.ready, "/readyz is green again")
    assert alice.reserve("gate-1").status_code == 201


def test_ready_again_is_ready_on_every_worker(valkey, new_gate):
    """Each worker connects again at its own time, after a back-off of its own."""
    gate = new_gate(**valkey.env())
    valkey.stop()
    until(lambda: not gate.ready(), "/readyz is red")
    until(lambda: gate.metric("camgate_plugin_failing") >= 2, "on both workers",
          seconds=4)
    valkey.start()
    until(gate.ready, "/readyz is green again")
    for n in range(8):
        gate.client(f"user-{n}").grant()
