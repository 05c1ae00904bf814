"""Leases that end in the same second: what it costs, and whether others notice.

A first life of the gate grants them; in the second nobody beats for them, so that all
lapse at the same instant.  Meanwhile an explain and a heartbeat are asked once every
20 ms.
"""
import http.client
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

import once
from gate import Gate
from wait import until

ROOT = Path(__file__).resolve().parents[2]
EVERY_S, LAPSE_S, CALM_S = 0.02, 10, 5
CROWD = """return { name = "crowd", match = { camera = "crowd" },
  decide = function() return allow { scopes = { scope("crowd", 1000000) } } end }
"""


class Asker(threading.Thread):
    """Sends the same request every EVERY_S; when it was meant to be sent counts."""

    def __init__(self, gate, method, path, token, body=None):
        super().__init__(daemon=True)
        self.wire = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=60)
        self.args = (method, path, body and json.dumps(body),
                     {"Authorization": f"Bearer {token}",
                      "Content-Type": "application/json"})
        self.over, self.took = threading.Event(), []  # (meant, seconds, status)

    def run(self):
        meant = time.monotonic()
        while not self.over.is_set():
            self.wire.request(*self.args)
            reply = self.wire.getresponse()
            reply.read()
            self.took.append((meant, time.monotonic() - meant, reply.status))
            meant = max(meant + EVERY_S, time.monotonic() - 1)
            time.sleep(max(0, meant - time.monotonic()))

    def p99_ms(self, since, until_):
        took = [s for meant, s, _ in self.took if since <= meant < until_]
        return statistics.quantiles(took, n=100, method="inclusive")[98] * 1000

    def bad(self):
        return sum(status != 200 for _, _, status in self.took)


def lapsing(folder):
    """The shipped configuration, with leases that lapse soon or late."""
    (folder / "policies").mkdir()
    (folder / "policies/crowd.lua").write_text(CROWD)
    (folder / "cameras.json").write_text(json.dumps({"cameras": [{"id": "crowd"}]}))
    shipped = (ROOT / "etc/camgate.lua").read_text()
    for name, lapse_s in (("first", 3600), ("second", LAPSE_S)):
        (folder / f"{name}.lua").write_text(
            f"local conf = (function()\n{shipped}\nend)()\n"
            + f"conf.lease.beat_s, conf.lease.lapse_s = 5, {lapse_s}\n"
            + f"conf.plugin_dir = '{ROOT}/build/release/plugins'\nreturn conf\n")


def make_leases(folder, gate, leases, subjects):
    """As many as there are to be, a few thousand a second."""
    texts = [once.whole("POST", "/api/v1/stream/reserve",
                        gate.token(f"subject-{n}", roles=["crowd"], ttl=7200),
                        {"camera_id": "crowd"}) for n in range(subjects)]
    rate = 2500
    got = once.loadgen(folder, "open", gate.port, 32, rate, leases / rate, texts=texts)
    assert got["failed"] == 0, got
    return int(gate.metric("camgate_leases"))


def newest(gate):
    return gate.rows("SELECT max(seq) AS seq FROM events")[0]["seq"]


def in_the_trail(gate, rows):
    """Waits for the row of that number; when it was seen."""
    until(lambda: newest(gate) >= rows, "all ends are there", seconds=60, every=0.02)
    return time.monotonic()


def watched(gate, askers, leases):
    """The calm, the second in which they end, and what it took."""
    began = time.monotonic()
    before, lines = newest(gate), len(gate.logged())
    time.sleep(CALM_S)  # the calm to compare with
    cpu, calm_until = once.cpu_ns(gate.child.pid), time.monotonic()
    calm_cpu = (cpu - askers.cpu) / (calm_until - askers.began)
    until(lambda: gate.metric("camgate_unrecorded_ends") > 0 or newest(gate) > before,
          "they end", seconds=60, every=0.005)
    first = time.monotonic()
    last = in_the_trail(gate, before + leases)
    cpu = once.cpu_ns(gate.child.pid) - cpu - calm_cpu * (time.monotonic() - calm_until)
    time.sleep(2)
    return {"began": began, "calm_until": calm_until, "first": first, "last": last,
            "in_trail_s": last - first, "cpu_us": cpu / 1000 / leases,
            "lines": len(gate.logged()) - lines}


class Askers:
    """The explain and the heartbeat of one who stays."""

    def __init__(self, gate):
        client = gate.client("stays", roles=["crowd"])
        lease = client.grant("crowd")["lease_id"]
        self.explain = Asker(gate, "POST", "/api/v1/policy/explain", client.token,
                             {"camera_id": "crowd"})
        self.beat = Asker(gate, "POST", f"/api/v1/stream/heartbeat/{lease}", client.token)
        self.began, self.cpu = time.monotonic(), once.cpu_ns(gate.child.pid)

    def __enter__(self):
        self.explain.start(), self.beat.start()
        return self

    def __exit__(self, *unused):
        for asker in (self.explain, self.beat):
            asker.over.set()
            asker.join()


def measure(leases=50000, subjects=8):
    with tempfile.TemporaryDirectory(prefix="camgate-ends-") as name:
        folder = Path(name)
        lapsing(folder)
        gate = Gate(folder / "gate", policies=folder / "policies", workers=1,
                    cameras=folder / "cameras.json", config=folder / "first.lua",
                    LIVEKIT_API_KEY="bench", LIVEKIT_API_SECRET="b" * 40,
                    TURN_DOMAIN="turn.invalid", TURN_SECRET="bench-turn-secret")
        gate.start()
        try:
            made = make_leases(folder, gate, leases, subjects)
            until(lambda: once.rests(gate), "the gate rests", seconds=60, every=0)
            gate.stop()
            gate.config = folder / "second.lua"
            gate.start()
            with Askers(gate) as askers:
                t = watched(gate, askers, made)
            gate.cli("audit", "verify")
            ends = gate.rows("""SELECT count(*) AS n, count(DISTINCT lease_id) AS ended
                FROM events WHERE kind = 'end'""")[0]
        finally:
            gate.stop()
    return t | {"leases": made, "subjects": subjects, **ends, **latencies(askers, t)}


def latencies(askers, t):
    spans = {"calm": (askers.began + 1, t["calm_until"]),
             "during": (t["first"] - 0.05, max(t["last"], t["first"] + 1))}
    got = {f"{name}_{when}": getattr(askers, name).p99_ms(*span)
           for name in ("explain", "beat") for when, span in spans.items()}
    return got | {"bad": askers.explain.bad() + askers.beat.bad()}


def show(got):
    print(f"""
{got['leases']} leases of {got['subjects']} subjects end in the same second, one worker:
  {got['cpu_us']:.1f} us of CPU each, all in the trail after {got['in_trail_s']:.2f} s
  ({got['n']} rows of {got['ended']} leases), {got['lines']} log lines
  explain p99 {got['explain_during']:.1f} ms, calm {got['explain_calm']:.1f}
  heartbeat p99 {got['beat_during']:.1f} ms, calm {got['beat_calm']:.1f}
  {got['bad']} answers but 200""")


if __name__ == "__main__":
    show(measure())
