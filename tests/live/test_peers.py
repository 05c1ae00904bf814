"""The peers that scripts/bench --peers compares give the same verdicts as camgate.

OPA is compared where `scripts/deps bench` has built it.
"""
import argparse
import secrets
import sys

import pytest

from servers import ROOT

sys.path.insert(0, str(ROOT / "tests/bench/peers"))

import compare  # noqa: E402
import peers  # noqa: E402
from world import World  # noqa: E402

ASKED = [peer for peer in peers.PEERS
         if peer.there() or not issubclass(peer, peers.Opa)]


@pytest.mark.parametrize("peer", ASKED, ids=lambda peer: peer.name)
def test_the_verdict_table(peer, tmp_path, started):
    if not peer.there():
        pytest.skip(f"{peer.name} is not there (scripts/deps test)")
    server = started(peer(tmp_path / peer.name, World(tmp_path, secrets.token_hex(32))))
    assert list(peers.differences(server)) == []
    assert any(c.isdigit() for c in server.version()), server.version()


def test_a_rule_that_is_gone_shows(tmp_path, started):
    world = World(tmp_path, secrets.token_hex(32))
    (world.policies / "20-camera-levels.lua").unlink()
    gate = started(peers.Camgate(tmp_path / "gate", world))
    rows = [row["name"] for row, _, _ in world.table()
            if row["expect"] == "deny" and row["camera"] in ("cam-4", "cam-7")]
    shown = "\n".join(peers.differences(gate))
    named = [name for name in rows if f"explain, {name}: allow high, not deny" in shown]
    assert len(named) == 5, shown


def test_what_is_measured_can_be():
    paths = {peer.name: peer.paths for peer in peers.PEERS}
    for _, of, operation in compare.ROWS.values():
        assert operation is None or operation in paths[of]
    for theirs, least, aim in compare.GOALS:
        assert set(theirs) < set(compare.ROWS) and least <= aim


def test_a_short_run():
    if not peers.LuaJIT.there():
        pytest.skip("nginx-luajit is not there (scripts/deps test)")
    args = argparse.Namespace(connections=8, rounds=1, seconds=1)
    got = compare.compare(args, ("explain", "luajit"))
    assert list(got["rows"]) == ["explain", "luajit"]
    for row in got["rows"].values():
        assert row["failed"] == 0 and row["rate"] > 0 and row["cpu_us"] > 0
    assert [goal["theirs"] for goal in got["goals"]] == ["explain, nginx + LuaJIT"]


def test_the_guide_shows_the_table():
    lines = (ROOT / "README.md").read_text().splitlines()
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines
             if line.startswith("|")]
    assert [name for name, _, _ in compare.ROWS.values()] == \
        [name for name in named if name in {row[0] for row in compare.ROWS.values()}]
