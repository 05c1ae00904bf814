"""camgate beside other ways to do its work, in one and the same run.

One core for each server in turn, the other one for wrk; the same users, cameras, rules
and connections.  First every peer is asked all of verdicts.json: a difference ends the
run.  Then every round loads all of them one after another; ratios are taken within a
round, and the table shows medians over the calm half of the rounds, as bench.py's does.
README.md beside this file tells what each peer does and does not.
"""
import argparse
import contextlib
import json
import os
import re
import secrets
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bench  # noqa: E402
import once  # noqa: E402
import peers  # noqa: E402
import world  # noqa: E402

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
KEYS = ("cpu_us", "rate", "p50_ms", "p99_ms")
# what is measured: (what it is called, of whom, which operation)
ROWS = {
    "floor": ("nginx, `return 200`", "nginx-luajit", None),
    "bare": ("bare evhtp handler", "bare", None),
    "explain": ("explain, camgate", "camgate", "explain"),
    "luajit": ("explain, nginx + LuaJIT", "nginx-luajit", "explain"),
    "go": ("explain, Go", "gogate", "explain"),
    "opa-cached": ("explain, OPA with its token cache", "opa-cached", "explain"),
    "opa": ("explain, OPA without", "opa", "explain"),
    "reserve": ("reserve, camgate", "camgate", "reserve"),
    "go-reserve": ("reserve, Go, a commit each", "gogate", "reserve"),
}
# (theirs, how many times ours their CPU must be at least, and is meant to be)
GOALS = ((("luajit",), 1, 1.2), (("opa", "opa-cached"), 12, 12), (("go-reserve",), 9, 12))


@contextlib.contextmanager
def on_core(core):
    """Children that are started meanwhile stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def say(what):
    print(f"bench: {what}", file=sys.stderr)


def present(wanted):
    for peer in (peer for peer in peers.PEERS if peer.name in wanted):
        if peer.there():
            yield peer
        else:
            say(f"{peer.name} is left out: it is not installed (scripts/deps bench)")


class Run:
    """The servers that the rows are about, all started, and the files of their loads."""

    def __init__(self, folder, running, rows):
        self.folder, wanted = folder, {ROWS[name][1] for name in rows}
        self.world = world.World(folder, secrets.token_hex(32))
        self.peers = [peer(folder / peer.name, self.world) for peer in present(wanted)]
        bare = [bench.Bare(folder / "bare")] if "bare" in wanted else []
        self.servers = {server.name: server for server in (*self.peers, *bare)}
        self.rows = [name for name in rows if ROWS[name][1] in self.servers]
        with on_core(SERVER_CORE):
            for server in self.servers.values():
                running.callback(server.stop)
                server.start(*([1] if server in bare else []))

    def make_loads(self):
        made = {"explain": list(world.explains(self.world)),
                "reserve": list(world.reserves(self.world))}
        for peer in self.peers:
            for operation in peer.paths:
                world.write_load(self.load_of(peer, operation),
                                 (peer.request(*ask) for ask in made[operation]))

    def load_of(self, peer, operation):
        return self.folder / f"{peer.name}-{operation}.txt"

    def measure(self, name, args):
        _, of, operation = ROWS[name]
        server = self.servers[of]
        if operation:
            return bench.measure(server, server.url, args,
                                 BENCH_PATH=server.paths[operation],
                                 BENCH_REQUESTS=str(self.load_of(server, operation)))
        url = f"http://127.0.0.1:{server.port}/"
        return bench.measure(server, url + ("floor" if name == "floor" else ""), args)

    def round(self, args):
        stolen = bench.steal()
        with on_core(LOAD_CORE):
            got = {name: self.measure(name, args) for name in self.rows}
            got["steal"] = bench.steal() - stolen
            once.idle(self.servers["camgate"])
        return got


def calm(rounds):
    return sorted(rounds, key=lambda r: r["steal"])[:(len(rounds) + 1) // 2]


def summary(rounds, rows):
    """Medians; `times` is its CPU in times of what camgate's own answer takes."""
    table = {}
    for name in rows:
        ours = "reserve" if ROWS[name][2] == "reserve" else "explain"
        table[name] = {key: statistics.median(r[name][key] for r in calm(rounds))
                       for key in KEYS}
        table[name]["times"] = statistics.median(
            r[name]["cpu_us"] / r[ours]["cpu_us"] for r in calm(rounds))
        table[name]["failed"] = sum(r[name]["failed"] for r in rounds)
    return table


def goals(table):
    """Each with the peer that takes least of those it names."""
    for theirs, least, aim in GOALS:
        there = [name for name in theirs if name in table]
        if there:
            best = min(there, key=lambda name: table[name]["times"])
            yield {"theirs": ROWS[best][0], "times": table[best]["times"],
                   "least": least, "aim": aim}


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.M)
    return f"{os.cpu_count()} x {model[1] if model else 'an unnamed core'}"


def show(got, args):
    print(f"{args.connections} connections, {args.rounds} rounds of {args.seconds} s, "
          "medians of the calm half, one core for the server, one for the load\n"
          f"on {got['machine']}\n")
    print(f"{'':36}" + "".join(f"{name:>9}" for name in (
        "CPU us", "of ours", "req/s", "p50 ms", "p99 ms", "failed")))
    for name, row in got["rows"].items():
        print(f"{ROWS[name][0]:36}{row['cpu_us']:9.1f}{row['times']:9.2f}"
              f"{row['rate']:9.0f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
              f"{row['failed']:9}")
    print(f"\nthe same verdicts on {got['verdicts']} requests, by "
          + ", ".join(got["versions"]))
    for name, version in got["versions"].items():
        print(f"  {name:14}{version}")
    print("\nCPU of theirs, in times of ours:")
    for goal in got["goals"]:
        met = ("the aim is met" if goal["times"] >= goal["aim"] else
               "met" if goal["times"] >= goal["least"] else "NOT met")
        print(f"  {goal['theirs']:34}{goal['times']:7.2f}, at least {goal['least']}, "
              f"aim {goal['aim']}: {met}")


def markdown(got):
    print("| one core for the server | CPU us a request | of camgate's | requests/s | "
          "p50, p99 ms |\n| --- | --- | --- | --- | --- |")
    for name, row in got["rows"].items():
        print(f"| {ROWS[name][0]} | {row['cpu_us']:.1f} | {row['times']:.2f} | "
              f"{row['rate']:,.0f} | {row['p50_ms']:.2f}, {row['p99_ms']:.2f} |")


def compare(args, rows=tuple(ROWS)):
    """Everything that is printed, or None after it has named differences."""
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(
            tempfile.TemporaryDirectory(prefix="camgate-peers-")))
        run = Run(folder, running, rows)
        say("verdicts")
        different = [line for peer in run.peers for line in peers.differences(peer)]
        if different:
            print("\n".join(different))
            return None
        run.make_loads()
        once.idle(run.servers["camgate"])
        run.round(args)  # warm: caches, pages, compiled traces
        rounds = []
        for number in range(args.rounds):
            say(f"round {number + 1} of {args.rounds}")
            rounds.append(run.round(args))
        table = summary(rounds, run.rows)
        return {"machine": machine(), "verdicts": len(list(run.world.table())),
                "versions": {peer.name: peer.version() for peer in run.peers},
                "rows": table, "goals": list(goals(table))}


def main():
    ask = argparse.ArgumentParser(prog="bench --peers")
    ask.add_argument("-c", "--connections", type=int, default=32)
    ask.add_argument("-r", "--rounds", type=int, default=7)
    ask.add_argument("-s", "--seconds", type=int, default=1)
    ask.add_argument("--json", action="store_true")
    ask.add_argument("--markdown", action="store_true")
    args = ask.parse_args()
    got = compare(args)
    if got is None:
        return 1
    if args.json:
        print(json.dumps({"connections": args.connections, "rounds": args.rounds} | got,
                         indent=2))
    elif args.markdown:
        markdown(got)
    else:
        show(got, args)
    return 1 if any(row["failed"] for row in got["rows"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
