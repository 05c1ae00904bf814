"""A configuration of its own, broken or not, and what `camgate check` and
`camgate run` say of it."""
import functools
import json
import os
import re
import subprocess

import ports
from gate import BINARY, HERE, Gate

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PLUGINS = ("cameras_file", "quota_local", "room_livekit", "ice_turn", "audit_sqlite")
EVERY_PLUGIN = (*PLUGINS, "quota_valkey")


class Place:
    """A folder with a configuration of its own, and the two commands."""

    def __init__(self, folder, **env):
        self.folder, self.env = folder, env
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = ports.take(), ports.take()
        self.file = folder / "camgate.lua"
        self.state = folder / "state"
        self.core = {
            "listen.address": '"127.0.0.1"', "listen.port": self.port,
            "admin.port": self.admin_port, "workers": 1,
            "state_dir": f'"{self.state}"', "policies.dir": f'"{HERE / "policies"}"',
            "jwt.secret": f'"{SECRET}"', "tiers": "nil"}
        self.plugins = {name: {} for name in PLUGINS}
        self.plugins["cameras_file"]["path"] = f'"{HERE / "cameras.json"}"'

    def quota(self, name):
        del self.plugins["quota_local"]
        self.plugins[name] = {"url": '"redis://127.0.0.1:1/0"'}

    def set(self, option, literal):
        """listen.port, or plugins.ice_turn.port."""
        first, *rest = option.split(".")
        if first == "plugins":
            self.plugins[rest[0]][rest[1]] = literal
        else:
            self.core[option] = literal

    def text(self):
        tree = {}
        for option, literal in self.core.items():
            *tables, last = option.split(".")
            at = tree
            for table in tables:
                at = at.setdefault(table, {})
            at[last] = literal
        entries = ["{ " + ",\n      ".join([f'"{name}"', *(f"{k} = {v}" for k, v in
                                                           options.items())]) + " }"
                   for name, options in self.plugins.items()]
        return f"return {lua(tree)[:-2]},\n  plugins = {{\n    " + ",\n    ".join(
            entries) + "\n  }\n}\n"

    def write(self):
        self.file.write_bytes(self.text().encode())
        return self

    def command(self, *argv):
        kept = {k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ}
        return subprocess.run([BINARY, *argv, "-c", self.file], cwd=self.folder,
                              env=kept | {k: os.fsencode(str(v))
                                          for k, v in self.env.items()},
                              capture_output=True, timeout=20)

    def refused(self):
        """By both, in the same words: the lines."""
        checked, ran = self.command("check"), self.command("run")
        told = words(checked.stderr)
        assert checked.returncode == ran.returncode == 2, (checked, ran)
        assert told and told == words(ran.stderr), (told, words(ran.stderr))
        assert b"Sanitizer" not in checked.stderr + ran.stderr
        return told

    def accepted(self):
        """By check, and by run, which is started for real and stopped; the warnings of
        the file."""
        checked = self.command("check")
        assert checked.returncode == 0 and not checked.stderr, checked
        gate = Gate(self.folder / "run", config=self.file)
        gate.port, gate.admin_port, gate.vars = self.port, self.admin_port, self.env
        gate.start()
        gate.stop_cleanly()
        lines = checked.stdout.decode().splitlines()
        return [line for line in lines if line.startswith(f"warning: {self.file}")]


def lua(tree, depth=1):
    if not isinstance(tree, dict):
        return str(tree)
    pad = "  " * depth
    return "{\n" + ",\n".join(f"{pad}{name} = {lua(v, depth + 1)}"
                              for name, v in tree.items()) + f"\n{'  ' * (depth - 1)}}}"


def words(stderr):
    """What is told, without the log."""
    return [line for line in stderr.decode(errors="replace").splitlines()
            if line and not line.startswith("{")]


# ---- the option tables

def told_by(*argv):
    done = subprocess.run([BINARY, *argv, "--format", "json"], capture_output=True,
                          check=True, timeout=60)
    return json.loads(done.stdout)


@functools.cache
def options():
    """Name, kind, least and most of each: the core's and every plugin's."""
    return list(_options())


def _options():
    for row in told_by("check", "--options"):
        whole = re.fullmatch(r"(-?\d+)\.\.(\d+)", row["range"])
        kind = "int" if whole else "list" if row["range"].startswith("list") else "text"
        yield row["name"], kind, *(map(int, whole.groups()) if whole else (None, None))
    for plugin in EVERY_PLUGIN:
        for o in told_by("plugin", "check", BINARY.parent / f"plugins/{plugin}.so")[
                "options"]:
            kind = o["type"] if o["type"] in ("int", "bool") else "text"
            yield (f"plugins.{plugin}.{o['name']}", kind, o.get("min"), o.get("max"))
