"""Time has one rule: the wall clock only tells, however it is set, and a gate that stood
still is as one that was started again.

The wall clock is stepped under the gate by a preload shim (clock_shim.c); a gap is
SIGSTOP.  A crowd has all places of its scope: half of it beats, half is silent.
"""
import contextlib
import ctypes
import datetime
import itertools
import json
import os
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

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


OTHER = """return { name = "other", match = { camera = "other" },
  decide = function(req) return allow { scopes = { scope("other", 1000) } } end }
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
        (folder / "policies/other.lua").write_text(OTHER)
        (folder / "cameras.json").write_text(
            '{"cameras": [{"id": "crowd"}, {"id": "other"}]}')
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

    def most_at_once(self, camera="crowd"):
        """Leases on it that lived together, as the trail orders them."""
        live, most = set(), 0
        for row in self.rows("SELECT * FROM trail ORDER BY seq"):
            if row["camera"] != camera:
                continue
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


def crowd(gate, size=BEATING, name="beating"):
    return [gate.client(f"{name}-{n}") for n in range(size)]


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
    told = list(map(step_ms, rows))
    until(lambda: [line["step_ms"] for line in gate.logged()
                   if line["msg"] == "the wall clock was set"] == told,
          "a warning for each step")
    assert gate.metric("camgate_clock_steps_total") == len(rows)
    assert abs(moment(gate.rows()[-1]["time"]) - time.time()) < 10
    gate.cli("audit", "verify")
    listed = gate.cli("audit", "export", "--kind", "clock", "--format", "jsonl").stdout
    assert len(listed.splitlines()) == len(rows)


class Held:
    """SIGSTOP; or, of a gate with two workers, the second one alone (ptrace(2))."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, gate, worker=None):
        self.gate = gate
        tasks = Path(f"/proc/{gate.child.pid}/task").iterdir()
        names = {(task / "comm").read_text().strip(): int(task.name) for task in tasks}
        self.thread = names[worker] if worker else None

    def ptrace(self, request):
        self.libc.ptrace.argtypes = [ctypes.c_long] * 4
        assert self.libc.ptrace(request, self.thread, 0, 0) == 0, \
            os.strerror(ctypes.get_errno())

    def __enter__(self):
        if not self.thread:
            self.gate.signal(signal.SIGSTOP)
            return
        self.ptrace(self.SEIZE)
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.thread, 0x40000000)  # __WALL

    def __exit__(self, *exc):
        if self.thread:
            self.ptrace(self.DETACH)
        else:
            self.gate.signal(signal.SIGCONT)


def churn(gate, over, wrong):
    """Reserves and releases all the time: some are under way when the gate stops."""
    clients = [gate.client(f"churn-{n}") for n in range(4)]
    while not over.is_set():
        for client in clients:
            before, reply = gate.now(), client.reserve("other")
            if reply.status_code == 201:
                grant = reply.json()
                if not before < moment(grant["expires_at"]) <= moment(grant["ends_at"]):
                    wrong.append(reply.text)
                reply = client.release(grant["lease_id"])
            if reply.status_code not in (204, 503):
                wrong.append(f"{reply.status_code} {reply.text}")


def refused_all_the_time(gate, over, wrong):
    """Who comes late finds no place, however long it is until somebody answers."""
    for n in itertools.count():
        if over.is_set():
            return
        with contextlib.suppress(requests.RequestException):
            reply = gate.client(f"late-{n}").call("POST", "/api/v1/stream/reserve",
                                                  json={"camera_id": "crowd"}, timeout=1)
            if reply.status_code != 409:
                wrong.append(reply.text)


@contextlib.contextmanager
def meanwhile(*works):
    """Each runs in a thread of its own, until the block is over; none found a fault."""
    over, wrong = threading.Event(), []
    threads = [threading.Thread(target=work, args=(gate, over, wrong))
               for work, gate in works]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_behind_a_stop_of_three_lapses_the_beating_are_served(tmp_path, shim, started,
                                                              valkey):
    """A process on each quota, and of a third one worker."""
    gates = [started(Stepped(tmp_path / "local", shim)),
             started(Stepped(tmp_path / "valkey", shim, VALKEY_URL=valkey.url)),
             started(Stepped(tmp_path / "worker", shim))]
    whole, single = gates[:2], gates[2]
    with contextlib.ExitStack() as stack:
        beating = [stack.enter_context(Beating(gate, crowd(gate))) for gate in gates]
        leases = [silent(gate)[0] for gate in whole]
        more = stack.enter_context(Beating(single, crowd(single, SILENT, "more")))
        with meanwhile(*((churn, gate) for gate in whole),
                       (refused_all_the_time, single)):
            with contextlib.ExitStack() as held:
                held.enter_context(Held(single, "worker 1"))
                for gate in whole:
                    held.enter_context(Held(gate))
                time.sleep(3 * LAPSE)
            woken = time.monotonic()
            for gate in whole:
                nobody_gets_in(gate)
            for gate, silent_ones in zip(whole, leases):
                lapse(gate, silent_ones, woken)
        for gate in whole:
            until(lambda: gate.client("late").reserve("crowd").status_code == 201,
                  "the places of the silent are free")
    for gate, some in zip(gates + [single], beating + [more]):
        assert not some.wrong
        assert not set(some.leases) & set(gate.ended())
        assert gate.most_at_once("crowd") == BEATING + SILENT
        assert gate.metric("camgate_gaps_total") >= 1


@pytest.mark.once
def test_a_stop_at_any_moment_of_its_life(tmp_path, shim, started):
    """While it starts, while it reloads, while it drains."""
    gate = Stepped(tmp_path / "gate", shim, lapse=60)
    starter = threading.Thread(target=started, args=(gate,))
    starter.start()
    for _ in range(4):
        until(lambda: gate.child, "it was begun")
        with Held(gate):
            time.sleep(0.5)
        time.sleep(0.05)
    starter.join(60)
    client = gate.client()
    lease = client.grant("crowd")["lease_id"]
    gate.signal(signal.SIGHUP)
    with Held(gate):
        time.sleep(2)
    until(lambda: gate.rows("SELECT * FROM trail WHERE kind = 'reload' AND "
                            "outcome = 'allow'"), "the reload has its row")
    with meanwhile((churn, gate)):
        until(lambda: gate.rows("SELECT 1 FROM trail WHERE camera = 'other'"), "churn")
    assert client.heartbeat(lease).status_code == 200
    gate.signal(signal.SIGTERM)
    with Held(gate):
        time.sleep(2)
    assert gate.child.wait(15) == 0
    assert gate.rows()[-1]["kind"] == "stop"


@pytest.mark.once
def test_a_clock_that_is_set_every_second_has_few_rows(tmp_path, shim, started):
    gate = started(Stepped(tmp_path / "gate", shim, lapse=60))
    for n in range(24):
        gate.off_by(-HOUR if n % 2 else 2 * HOUR)
        time.sleep(0.25)
    assert 1 <= len(gate.rows(CLOCK)) <= 9
    told = [line for line in gate.logged() if line["msg"] == "the wall clock was set"]
    assert len(told) <= 9


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
