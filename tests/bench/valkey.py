#!/usr/bin/python3
"""valkey.py - what a call of quota_valkey's function library costs Valkey, in CPU time.

A valkey-server of its own, 20,000 leases with four scopes each; best of three.
"""
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEASES, RUNS, BATCH = 20000, 3, 128
KEYS = (3, "camgate:usage", "camgate:leases", "camgate:expiry")
UNKNOWN = "0" * 20  # the moment that is expected: none


class Valkey:
    def __init__(self, folder):
        path = f"{folder}/socket"
        self.child = subprocess.Popen(
            ["valkey-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir",
             folder], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not Path(path).exists() and time.monotonic() < end:
            time.sleep(0.01)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answers = self.socket.makefile("rb")

    def answer(self):
        line = self.answers.readline()
        if line[:1] == b"-":
            raise RuntimeError(line.decode())
        if line[:1] == b"*":
            return [self.answer() for _ in range(int(line[1:]))]
        if line[:1] == b"$" and int(line[1:]) >= 0:
            return self.answers.read(int(line[1:]) + 2)
        return line

    def say(self, *commands):
        """The answers to all of them, sent at once."""
        text = []
        for words in commands:
            words = [str(word).encode() for word in words]
            text += [b"*%d\r\n" % len(words)]
            text += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.socket.sendall(b"".join(text))
        return [self.answer() for _ in commands]

    def cpu(self):
        fields = dict(line.split(b":") for line in self.say(("INFO", "cpu"))[0].split()
                      if b":" in line)
        return sum(float(fields[b"used_cpu_%s_main_thread" % kind])
                   for kind in (b"user", b"sys"))


def call(name, *args):
    return "FCALL", f"camgate_{name}", *KEYS, *args


def lease(n):
    return f"lease-{n:024}"


def scopes(n):
    return ((f"user:{n // 3}", 4, 0), (f"camera:{n // 40}", 50, 0),
            ("site:north", LEASES, 0), ("uplink:north", 10**9, 1))


def reserve(n):
    asked = [word for scope in scopes(n) for word in scope]
    return call("reserve", lease(n), 80000, 3, 3000, 1500, 500, *asked, UNKNOWN)


def renew(n):
    held = [word for name, _, weighted in scopes(n)
            for word in (name, 3000 if weighted else 1)]
    return call("renew", lease(n), 80000, 4, *held,
                *(limit for _, limit, _ in scopes(n)), UNKNOWN)


def release(*leases):
    return call("release", *map(lease, leases))


def cost(valkey, commands, times):
    """Microseconds for each of so many things that the commands do."""
    before = valkey.cpu()
    for first in range(0, len(commands), 100):
        valkey.say(*commands[first:first + 100])
    return (valkey.cpu() - before) / times * 1e6


def recount(valkey):
    valkey.say(("HSET", KEYS[1], "", "0"))
    before = valkey.cpu()
    while valkey.say(call("sweep", 256, UNKNOWN))[0][1] != b":0\r\n":
        pass
    return (valkey.cpu() - before) / LEASES * 1e6


def run(valkey):
    every = range(LEASES)
    valkey.say(("FLUSHALL",))
    costs = {"reserve": cost(valkey, [reserve(n) for n in every], LEASES),
             "renew": cost(valkey, [renew(n) for n in every], LEASES),
             "recount": recount(valkey),
             "release": cost(valkey, [release(n) for n in every], LEASES)}
    cost(valkey, [reserve(n) for n in every], LEASES)
    batches = [release(*every[n:n + BATCH]) for n in range(0, LEASES, BATCH)]
    costs["release in batches"] = cost(valkey, batches, LEASES)
    return costs


def main():
    library = "".join(path.read_text() for path in
                      sorted((ROOT / "plugins/quota_valkey/library").glob("*.lua")))
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(folder)
        try:
            valkey.say(("FUNCTION", "LOAD", library))
            runs = [run(valkey) for _ in range(RUNS)]
        finally:
            valkey.child.terminate()
            valkey.child.wait()
    for name in runs[0]:
        print(f"{name:20}{min(costs[name] for costs in runs):6.1f} us")


main()
