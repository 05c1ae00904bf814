"""How fast camgate is beside a bare evhtp handler, in one and the same run.

Every round loads bare, /livez, explain and reserve one after another; ratios are taken
within a round, and the table shows medians over the calm half of the rounds: those in
which the hypervisor stole the least CPU.

Reserve is measured alone.  The shipped limits stay as they are, so the load has room
under them (USERS administrators with 16 streams each, 500 cameras of 250 sites, tier
low), each lease asks for a hard end a few seconds away, and a round begins only when the
leases of the last one are over: no lease ends while the clock runs, and none stays.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))
os.environ.setdefault("CAMGATE_PRESET", "release")

import ends  # noqa: E402
import once  # noqa: E402
import ports  # noqa: E402
from gate import Gate  # noqa: E402
from servers import Server, connects  # noqa: E402

USERS, STREAMS, CAMERAS, SITES, LEASE_S = 4000, 16, 500, 250, 5
RESERVE, EXPLAIN = "/api/v1/stream/reserve", "/api/v1/policy/explain"
COMMITS = "camgate_audit_commits_total"
HERE = Path(__file__).parent
CROWD = """return { name = "crowd", match = { camera = "crowd" },
  decide = function() return allow { scopes = { scope("crowd", 100000) } } end }
"""


class Bare(Server):
    name = "bare"

    def start(self, workers=os.cpu_count()):
        self.port = ports.take()
        return self.spawn(ROOT / "build/bench/bare", self.port, workers)

    def ready(self):
        return connects(self.port)


def steal():
    return int(Path("/proc/stat").read_text().split("\n")[0].split()[8])


def wrk(url, args, **env):
    """(requests, seconds, p50 ms, p99 ms, failures)"""
    threads = len(os.sched_getaffinity(0))
    command = ["wrk", f"-t{threads}", f"-c{args.connections}", f"-d{args.seconds}s",
               "--latency"]
    if env:
        command += ["-s", str(HERE / "load.lua")]
    out = subprocess.run([*command, url],
                         env=os.environ | {"BENCH_THREADS": str(threads)} | env,
                         capture_output=True, text=True, check=True).stdout
    count, seconds = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    tail = {name: float(n) * unit[u]
            for name, n, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", out)}
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return int(count), float(seconds), tail["50"], tail["99"], int(bad[1]) if bad else 0


def measure(server, url, args, **env):
    before = once.cpu_ns(server.child.pid)
    count, seconds, p50, p99, failed = wrk(url, args, **env)
    assert count, f"{url} answered nothing"
    return {"rate": count / seconds,
            "cpu_us": (once.cpu_ns(server.child.pid) - before) / 1000 / count,
            "p50_ms": p50, "p99_ms": p99, "failed": failed, "seconds": seconds}


def make_load(folder, gate):
    """cameras.json, and the requests' file: one line a user and stream."""
    cameras = [{"id": f"cam-{n}", "site": f"site-{n % SITES}", "tags": ["street"],
                "level": 1}
               for n in range(CAMERAS)] + [{"id": "crowd"}]
    (folder / "cameras.json").write_text(json.dumps({"cameras": cameras}))
    tokens = [gate.token(f"user-{n}", roles=["admin"], sites=["site-1"])
              for n in range(USERS)]
    lines = []
    for stream in range(STREAMS):
        for user, token in enumerate(tokens):
            camera = (user * 7 + stream * 31) % CAMERAS
            body = {"quality": "low", "camera_id": f"cam-{camera}"}
            lines.append((token, body))
    (folder / "policies/50-crowd.lua").write_text(CROWD)
    limits = folder / "policies/90-limits.lua"  # the same work, with room for the crowd
    limits.write_text(limits.read_text().replace("of_a_camera = 100\n",
                                                 "of_a_camera = 100000\n"))
    for name, extra in (("reserve", {"ttl_s": LEASE_S}), ("explain", {})):
        text = "".join(f"{token}\t{json.dumps(extra | body)}\n" for token, body in lines)
        (folder / f"{name}.txt").write_text(text)


def load(gate, path, requests, args):
    return measure(gate, gate.url, args, BENCH_PATH=path, BENCH_REQUESTS=str(requests))


def one_round(bare, gate, folder, args):
    stolen = steal()
    got = {"bare": measure(bare, f"http://127.0.0.1:{bare.port}/", args),
           "livez": measure(gate, gate.admin + "/livez", args)}
    got["explain"] = load(gate, EXPLAIN, folder / "explain.txt", args)
    commits = gate.metric(COMMITS)
    got["reserve"] = load(gate, RESERVE, folder / "reserve.txt", args)
    got["reserve"]["syncs"] = (gate.metric(COMMITS) - commits) / got["reserve"]["seconds"]
    got["steal"] = steal() - stolen
    once.idle(gate)
    return got


def summary(rounds):
    calm = sorted(rounds, key=lambda r: r["steal"])[:(len(rounds) + 1) // 2]
    table = {}
    for name in ("bare", "livez", "explain", "reserve"):
        row = {key: statistics.median(r[name][key] for r in calm)
               for key in ("rate", "cpu_us", "p50_ms", "p99_ms")}
        row["ratio"] = statistics.median(r[name]["rate"] / r["bare"]["rate"]
                                         for r in calm)
        row["cpu_ratio"] = statistics.median(r[name]["cpu_us"] / r["bare"]["cpu_us"]
                                             for r in calm)
        row["failed"] = sum(r[name]["failed"] for r in rounds)
        if name == "reserve":
            row["syncs"] = statistics.median(r[name]["syncs"] for r in calm)
            row["rows_per_sync"] = row["rate"] / row["syncs"] if row["syncs"] else None
        table[name] = row
    return table


def show(table, args):
    print(f"{args.connections} connections, {args.rounds} rounds of {args.seconds} s, "
          "medians of the calm half, "
          f"server and load on the same {os.cpu_count()} cores\n")
    print(" " * 9 + "".join(f"{name:>{width}}" for name, width in (
        ("req/s", 9), ("ratio", 7), ("CPU us", 8), ("p50 ms", 8), ("p99 ms", 8),
        ("failed", 8))))
    for name, row in table.items():
        print(f"{name:9}{row['rate']:9.0f}{row['ratio']:7.2f}{row['cpu_us']:8.1f}"
              f"{row['p50_ms']:8.2f}{row['p99_ms']:8.2f}{row['failed']:8}")
    reserve = table["reserve"]
    print(f"\nreserve: {reserve['syncs']:.0f} fdatasync/s, "
          f"{reserve['rows_per_sync'] or 0:.1f} rows each")


def reserves(folder):
    lines = (line.split("\t")
             for line in (folder / "reserve.txt").read_text().splitlines())
    return [once.whole("POST", RESERVE, token, json.loads(body)) for token, body in lines]


def explained(gate, folder):
    args = argparse.Namespace(connections=32, seconds=1)
    got = load(gate, EXPLAIN, folder / "explain.txt", args)
    return got["rate"] * got["seconds"]


def measure_once(bare, gate, folder, capacity):
    say = lambda what: print(f"bench: {what}", file=sys.stderr)  # noqa: E731
    say("open loop")
    got = {"open": once.open_loop(folder, bare, gate, reserves(folder), capacity, 5, 2)}
    say("a crowd at once")
    # their tokens are known from now on, as everybody's are after a beat
    once.crowd(folder, gate)
    once.idle(gate)
    got["crowd"] = once.crowd(folder, gate)
    once.idle(gate)
    say("system calls")
    got["syscalls"] = once.syscalls(gate, lambda: explained(gate, folder))
    say("group commit")
    got["group_commit"], got["fdatasync"] = once.group_commit(), once.fdatasyncs()
    say("beating leases")
    got["beating"] = once.beating(folder, gate, 10)
    say("leases that end in the same second")
    got["ends"] = ends.measure()
    return got


def percentiles(us):
    return " / ".join(f"{us[name] / 1000:.2f}" for name in ("p50", "p99", "p999"))


def show_once(got, workers):
    o, g, crowd = got["open"], got["group_commit"], got["crowd"]
    cpu_percent = got["beating"]["cpu_percent"]
    print(f"""
open loop at {o['rate']}/s from the intended send time, p50 / p99 / p99.9 in ms:
  bare    {percentiles(o['bare'])}
  reserve {percentiles(o['reserve'])}  (p99.9 ratio {o['p999_ratio']:.1f})
{once.VIEWERS} viewers at once on one camera: """
          f"""last answer after {crowd['max'] / 1000:.0f} ms, {crowd['failed']} refused
this machine: {got['fdatasync']} fdatasync/s
group commit: {g['of_256']:.0f} rows/s of 256 at a time, """
          f"""{g['alone']:.0f} one by one, ratio {g['ratio']:.1f}
system calls per explain: {got['syscalls']:.1f}
{once.BEATING} leases beating every {once.BEAT_S} s: {cpu_percent:.2f} % of one core
idle memory: {got['rss_mib'] / workers:.1f} MiB a worker""")


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("-c", "--connections", type=int, default=64)
    ask.add_argument("-r", "--rounds", type=int, default=7)
    ask.add_argument("-s", "--seconds", type=int, default=1)
    ask.add_argument("-w", "--workers", type=int, default=os.cpu_count())
    ask.add_argument("--json", action="store_true")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory(prefix="camgate-bench-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "policies", folder / "policies")
        gate = Gate(folder / "gate", policies=folder / "policies",
                    cameras=folder / "cameras.json", workers=args.workers,
                    LIVEKIT_API_KEY="bench", LIVEKIT_API_SECRET="b" * 40,
                    TURN_DOMAIN="turn.invalid", TURN_SECRET="bench-turn-secret")
        make_load(folder, gate)
        with contextlib.ExitStack() as running:
            bare = Bare(folder / "bare")
            for server in (bare, gate):
                running.callback(server.stop)
                server.start()
            rss = once.rss_mib(gate)
            one_round(bare, gate, folder, args)  # warm: caches, pages, WAL
            rounds = []
            for number in range(args.rounds):
                print(f"bench: round {number + 1} of {args.rounds}", file=sys.stderr)
                rounds.append(one_round(bare, gate, folder, args))
            table = summary(rounds)
            extra = measure_once(bare, gate, folder, table["reserve"]["rate"]) | \
                {"rss_mib": rss}
    if args.json:
        print(json.dumps({"connections": args.connections, "rounds": args.rounds} |
                         table | extra, indent=2))
    else:
        show(table, args)
        show_once(extra, args.workers)
        ends.show(extra["ends"])
    return 1 if any(row["failed"] for row in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
