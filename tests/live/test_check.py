"""`camgate check` and `camgate run` refuse the same, in the same words: every option
broken in turn, from the option tables themselves, and many at once."""
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate import BINARY
from place import Place

# nothing of it has threads, and gates that run have their suites
pytestmark = pytest.mark.once

EVERY_PLUGIN = ("cameras_file", "quota_local", "quota_valkey", "room_livekit", "ice_turn",
                "audit_sqlite")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "place")


# ---- every option, from the tables themselves

def told_by(*argv):
    done = subprocess.run([BINARY, *argv, "--format", "json"], capture_output=True,
                          check=True, timeout=60)
    return json.loads(done.stdout)


def options():
    """Name, kind, least and most of each: the core's and every plugin's."""
    for row in told_by("check", "--options"):
        whole = re.fullmatch(r"(-?\d+)\.\.(\d+)", row["range"])
        kind = "int" if whole else "list" if row["range"].startswith("list") else "text"
        yield row["name"], kind, *(map(int, whole.groups()) if whole else (None, None))
    for plugin in EVERY_PLUGIN:
        for o in told_by("plugin", "check", BINARY.parent / f"plugins/{plugin}.so")[
                "options"]:
            kind = o["type"] if o["type"] in ("int", "bool") else "text"
            yield (f"plugins.{plugin}.{o['name']}", kind, o.get("min"), o.get("max"))


OPTIONS = list(options())
TEXT = ("text", "list")

BREAKS = {
    "below its range": lambda kind, least, most: least - 1 if kind == "int" else None,
    "above its range": lambda kind, least, most: most + 1
    if kind == "int" and most else None,
    "a text that should be a number": lambda kind, least, most: '"12 apples"'
    if kind in ("int", "bool") else None,
    "a fraction": lambda kind, least, most: "1.5" if kind in ("int", "bool") else None,
    "a number that should be a text": lambda kind, least, most: "7"
    if kind in ("text", "list") else None,
    "a table": lambda kind, least, most: "{ x = 1 }",
    "a text without end": lambda kind, least, most: f'"{"x" * 5000}"'
    if kind == "text" else None,
    "a carriage return": lambda kind, least, most: r'"x\r"' if kind in TEXT else None,
    "a newline": lambda kind, least, most: r'"x\n"' if kind in TEXT else None,
    "a byte order mark": lambda kind, least, most: r'"\u{feff}x"'
    if kind in TEXT else None,
    "quotes": lambda kind, least, most: "'\"x\"'" if kind in TEXT else None,
    "a blank at its end": lambda kind, least, most: '"x "' if kind == "text" else None,
    "a placeholder": lambda kind, least, most: '"<x>"' if kind in TEXT else None,
}


def places(tmp_path, what):
    """One with each quota, so that every plugin has its turn."""
    for quota in ("quota_local", "quota_valkey"):
        place = Place(tmp_path / f"{what.replace(' ', '_')}_{quota}")
        if quota != "quota_local":
            place.quota(quota)
        yield place


def batches(place, broken):
    """So many at a time that all of them are told."""
    mine = [(name, literal) for name, literal in broken
            if not name.startswith("plugins.") or name.split(".")[1] in place.plugins]
    for i in range(0, len(mine), 25):
        part = Place(place.folder / str(i))
        part.plugins = {name: dict(o) for name, o in place.plugins.items()}
        for name, literal in mine[i:i + 25]:
            part.set(name, literal)
        yield part.write(), [name for name, _ in mine[i:i + 25]]


@pytest.mark.parametrize("what", BREAKS)
def test_every_option_broken_is_refused_by_both_with_its_line(tmp_path, what):
    broken = [(name, BREAKS[what](kind, least, most)) for name, kind, least, most in
              OPTIONS]
    broken = [(name, literal) for name, literal in broken if literal is not None]
    assert broken
    parts = [part for place in places(tmp_path, what)
             for part in batches(place, broken)]
    with ThreadPoolExecutor(2) as pool:
        for (part, names), lines in zip(parts, pool.map(lambda p: p[0].refused(), parts)):
            for name in names:
                line = part.text().splitlines()
                hits = [said for said in lines if f": {name}: " in said]
                assert hits, (name, lines)
                at = int(re.match(r".*camgate\.lua:(\d+): ", hits[0])[1])
                assert name.rsplit(".", 1)[1 if "." in name else 0] in line[at - 1], hits


@pytest.mark.parametrize("option", ["listen.prot", "lease.beats_s", "jwt.secrte",
                                    "policies.dri", "plugins.ice_turn.secrets",
                                    "plugins.audit_sqlite.longest_lease",
                                    "plugins.room_livekit.api_keys"])
def test_an_unknown_option_comes_with_the_nearest(place, option):
    place.set(option, '"x"')
    lines = place.write().refused()
    assert any(f": {option}: unknown; did you mean " in line for line in lines), lines


def test_all_is_told_at_once_not_the_first_plugin_only(place):
    place.set("listen.address", '"no such name"')
    place.set("listen.port", 70000)
    place.set("lease.beat_s", 100)
    place.set("plugins.cameras_file.path", '"/nowhere/cameras.json"')
    place.set("plugins.room_livekit.api_key", '"k"')
    place.set("plugins.ice_turn.domain", '"turn:host"')
    place.set("plugins.audit_sqlite.path", '"/nowhere/audit.db"')
    place.set("policies.dir", f'"{place.folder / "policies"}"')
    (place.folder / "policies").mkdir()
    for name in ("10_one", "20_two"):
        (place.folder / f"policies/{name}.lua").write_text("return {{{")
    lines = place.write().refused()
    for part in ("listen.address: ", "listen.port: ", "lease.beat_s: ",
                 "/nowhere/cameras.json", "plugins.room_livekit.api_key: ",
                 "plugins.ice_turn.domain: ", "/nowhere/audit.db.lock", "10_one.lua",
                 "20_two.lua"):
        assert sum(part in line for line in lines) == 1, (part, lines)
    assert len(lines) == 9, lines


def test_more_than_can_be_kept_are_counted(place):
    for i in range(50):
        place.set(f"unknown_{i}", i)
    for command in ("check", "run"):
        said = place.write().command(command).stderr.decode().splitlines()
        assert len([line for line in said if ": unknown" in line]) == 32
        assert said[-1] == "camgate: and 18 more"
