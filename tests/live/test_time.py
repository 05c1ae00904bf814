"""Time has one rule: the wall clock only tells, however it is set, and a gate that stood
still is as one that was started again.

The wall clock is stepped under the gate by a preload shim (clock_shim.c); a gap is
SIGSTOP.  A crowd has all places of its scope: half of it beats, half is silent.
"""
import datetime
import json
import signal
import struct
import subprocess
import threading
import time

import pytest

from gate import HERE, PRESET, Gate
from servers import ROOT
from wait import until

BEAT, LAPSE, HARD = 1, 3, 3600
BEATING, SILENT = 6, 6
HOUR, DAY = 3600, 86400
CROWD = f"""return {{ name = "crowd", match = {{ camera = "crowd" }},
  decide = function(req)
    return allow {{ scopes = {{ scope("crowd", {BEATING + SILENT}) }} }}
  end }}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    path = tmp_path_factory.mktemp("shim") / "clock_shim.so"
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", path,
                    HERE / "clock_shim.c"], check=True)
    return path


class Stepped(Gate):
    """A gate whose wall clock the test sets."""

    def __init__(self, folder, shim, lapse=LAPSE, **env):
        (folder / "policies").mkdir(parents=True)
        (folder / "policies/crowd.lua").write_text(CROWD)
        (folder / "cameras.json").write_text('{"cameras": [{"id": "crowd"}]}')
        self.clock = folder / "clock"
        super().__init__(folder, policies=folder / "policies",
                         cameras=folder / "cameras.json", LD_PRELOAD=shim,
                         CAMGATE_TEST_CLOCK=self.clock, **env)
        self.off_by(0)
        self.config = folder / "camgate.lua"
        self.config.write_text(
            "local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text()
            + f"\nend)()\nconf.lease.beat_s, conf.lease.lapse_s = {BEAT}, {lapse}\n"
            f"conf.plugin_dir = '{ROOT}/build/{PRESET}/plugins'\nreturn conf\n")

    def environment(self):
        env = super().environment()
        env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return env

    def off_by(self, seconds):
        """Its wall clock is so far from ours."""
        self.offset = seconds
        with self.clock.open("r+b" if self.clock.exists() else "wb") as file:
            file.write(struct.pack("q", int(seconds * 1e6)))

    def now(self):
        return time.time() + self.offset

    def client(self, sub="alice", **claims):
        return super().client(sub, ttl=1000 * DAY, **claims)

    def ended(self):
        """lease -> how it ended, of the trail"""
        return {row["lease_id"]: row for row in
                self.rows("SELECT * FROM trail WHERE kind = 'end'")}

    def most_at_once(self):
        """Leases that lived together, as the trail orders them."""
        live, most = set(), 0
        for row in self.rows("SELECT * FROM trail ORDER BY seq"):
            if row["kind"] == "decision" and row["outcome"] == "allow":
                live.add(row["lease_id"])
            elif row["kind"] == "end":
                live.discard(row["lease_id"])
            most = max(most, len(live))
        return most


CLOCK = "SELECT * FROM trail WHERE kind = 'clock' ORDER BY seq"


def step_ms(row):
    return json.loads(row["facts"])["step_ms"]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Beating:
    """Clients that beat until they are told to stop; what they were answered."""

    def __init__(self, gate, clients):
        self.gate, self.over, self.wrong, self.beats = gate, threading.Event(), [], 0
        self.leases = {}
        self.threads = [threading.Thread(target=self.beat, args=(client,))
                        for client in clients]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(lambda: len(self.leases) == len(self.threads), "all have a lease")
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def beat(self, client):
        lease = client.grant("crowd")["lease_id"]
        self.leases[lease] = client
        while not self.over.wait(BEAT / 2):
            before = self.gate.offset
            reply = client.heartbeat(lease)
            self.beats += 1
            if reply.status_code != 200:
                self.wrong.append(f"{reply.status_code} {reply.text}")
                return
            if before == self.gate.offset:
                self.look_at(reply.json())

    def look_at(self, body):
        expires, ends = moment(body["expires_at"]), moment(body["ends_at"])
        if not self.gate.now() < expires <= ends <= self.gate.now() + HARD + 1:
            self.wrong.append(f"{body} at {self.gate.now()}")


def silent(gate):
    """Leases that nobody beats for, and when they were granted."""
    clients = [gate.client(f"silent-{n}") for n in range(SILENT)]
    return [client.grant("crowd")["lease_id"] for client in clients], time.monotonic()


def lapse(gate, leases, since, most=LAPSE + 2):
    """They all end, not before their lapse and not long behind it."""
    ends = until(lambda: {lease: row for lease, row in gate.ended().items()
                          if lease in leases}, "a silent lease ends", seconds=most)
    assert time.monotonic() - since > LAPSE - 1
    until(lambda: set(leases) <= set(gate.ended()), "the silent leases end",
          seconds=since + most - time.monotonic())
    assert {row["reason"] for row in ends.values()} == {"no heartbeat"}


def crowd(gate):
    return [gate.client(f"beating-{n}") for n in range(BEATING)]


def nobody_gets_in(gate):
    reply = gate.client("late").reserve("crowd")
    assert reply.status_code == 409, reply.text


def test_a_step_of_the_wall_clock_moves_no_deadline(tmp_path, shim, started):
    gate = started(Stepped(tmp_path / "gate", shim))
    with Beating(gate, crowd(gate)) as beating:
        for steps in ([HOUR, 400 * DAY], [-HOUR], [-400 * DAY]):
            leases, since = silent(gate)
            for step in steps:
                gate.off_by(step)
                nobody_gets_in(gate)
            lapse(gate, leases, since)
            assert abs(moment(gate.rows()[-1]["time"]) - gate.now()) < 5
        gate.off_by(0)
        client = next(iter(beating.leases.values()))
        listed = client.leases()[0]
        assert time.time() < moment(listed["expires_at"]) <= moment(listed["ends_at"])
        assert abs(moment(listed["granted_at"]) + HARD - moment(listed["ends_at"])) < 0.1
        until(lambda: abs(sum(step_ms(row) for row in gate.rows(CLOCK))) < 100,
              "the last step has its row")
    assert not beating.wrong
    assert not set(beating.leases) & set(gate.ended())
    assert gate.most_at_once() == BEATING + SILENT
    told_once(gate)


def told_once(gate):
    """Each step: a row, a warning, a count; and the rows' times are true again."""
    rows = gate.rows(CLOCK)
    assert 4 <= len(rows) <= 5
    steps = [abs(step_ms(row)) / 1000 for row in rows]
    assert all(step > HOUR - 1 for step in steps) and max(steps) > 400 * DAY
    warned = [line for line in gate.logged() if line["msg"] == "the wall clock was set"]
    assert [line["step_ms"] for line in warned] == [step_ms(row) for row in rows]
    assert gate.metric("camgate_clock_steps_total") == len(rows)
    assert abs(moment(gate.rows()[-1]["time"]) - time.time()) < 10
    gate.cli("audit", "verify")
    listed = gate.cli("audit", "export", "--kind", "clock", "--format", "jsonl").stdout
    assert len(listed.splitlines()) == len(rows)


def test_behind_a_stop_of_three_lapses_the_beating_are_served(tmp_path, shim, started):
    gate = started(Stepped(tmp_path / "gate", shim))
    with Beating(gate, crowd(gate)) as beating:
        leases, _ = silent(gate)
        gate.signal(signal.SIGSTOP)
        time.sleep(3 * LAPSE)
        gate.signal(signal.SIGCONT)
        woken = time.monotonic()
        nobody_gets_in(gate)
        lapse(gate, leases, woken)
        until(lambda: gate.client("late").reserve("crowd").status_code == 201,
              "the places of the silent are free")
    assert not beating.wrong
    assert not set(beating.leases) & set(gate.ended())
    assert gate.most_at_once() == BEATING + SILENT
    assert gate.metric("camgate_gaps_total") >= 2


def test_a_restart_knows_what_the_clock_was_set_by(tmp_path, shim, started):
    """The ends in the trail are of a clock that was wrong; the leases get what they had
    left, and live although their ids tell another year."""
    gate = started(Stepped(tmp_path / "gate", shim, lapse=60))
    client = gate.client()
    gate.off_by(-400 * DAY)
    until(lambda: len(gate.rows(CLOCK)) == 1, "the step has its row")
    lease = client.grant("crowd")
    gate.off_by(0)
    until(lambda: len(gate.rows(CLOCK)) == 2, "the step has its row")
    left = moment(lease["ends_at"]) + 400 * DAY - time.time()
    gate.kill()
    gate.start()
    listed = client.leases()
    assert [one["lease_id"] for one in listed] == [lease["lease_id"]]
    assert abs(moment(listed[0]["ends_at"]) - time.time() - left) < 5
    assert client.heartbeat(lease["lease_id"]).status_code == 200
