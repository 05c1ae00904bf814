"""`camgate check` and `camgate run` refuse the same, in the same words: every option
broken in turn, from the option tables themselves, and many at once."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from place import Place, options

# nothing of it has threads, and gates that run have their suites
pytestmark = pytest.mark.once


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "place")


# ---- every option, from the tables themselves

NUMBER, TEXT = ("int", "bool"), ("text", "list")

# of which kinds, and the value given its least and most
BREAKS = {
    "below its range": (("int",), lambda least, most: least - 1),
    "above its range": (("int",), lambda least, most: most + 1),
    "a text that should be a number": (NUMBER, lambda least, most: '"12 apples"'),
    "a fraction": (NUMBER, lambda least, most: "1.5"),
    "a number that should be a text": (TEXT, lambda least, most: "7"),
    "a table": ((*NUMBER, *TEXT), lambda least, most: "{ x = 1 }"),
    "a text without end": (("text",), lambda least, most: f'"{"x" * 5000}"'),
    "a carriage return": (TEXT, lambda least, most: r'"x\r"'),
    "a newline": (TEXT, lambda least, most: r'"x\n"'),
    "a byte order mark": (TEXT, lambda least, most: r'"\u{feff}x"'),
    "quotes": (TEXT, lambda least, most: "'\"x\"'"),
    "a blank at its end": (("text",), lambda least, most: '"x "'),
    "a placeholder": (TEXT, lambda least, most: '"<x>"'),
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
    kinds, literal = BREAKS[what]
    broken = [(name, literal(least, most)) for name, kind, least, most in options()
              if kind in kinds]
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
