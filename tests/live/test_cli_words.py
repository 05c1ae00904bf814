"""The command line as somebody types it: every command's help, wrong words, broken pipes,
JSON that parses, tables that stay tables, with a gate beside it and without one."""
import csv
import io
import json
import os
import re
import subprocess
import unicodedata

import pytest
import requests

from gate import BINARY, Gate, problem
from servers import ROOT

COMMANDS = ("run", "check", "token", "policy eval", "audit query", "audit verify",
            "audit export", "lease ls", "lease show", "lease end", "plugin ls",
            "plugin check", "version")
EVAL = ("policy", "eval", "--sub", "alice", "--role", "operator", "--site=north",
        "--camera")


@pytest.fixture
def alone(tmp_path):
    """Configured, and not running."""
    return Gate(tmp_path / "gate")


def refused(gate, *argv, code=2):
    done = gate.cli(*argv, check=False)
    assert done.returncode == code and done.stderr and not done.stdout, (argv, done)
    return done.stderr


def test_help_lists_every_command_and_each_has_its_own(alone):
    whole = alone.cli("--help").stdout
    assert re.findall(r"^  camgate (\w+(?: \w+)?) {2,}\S", whole, re.M) == list(COMMANDS)
    for command in COMMANDS:
        said = alone.cli(*command.split(), "--help").stdout
        assert said.startswith(f"camgate {command}") and "-c FILE" in said, said
    for group in ("policy", "audit", "lease", "plugin"):
        assert f"camgate {group} " in alone.cli(group, "--help").stdout
        assert f"camgate {group} " in refused(alone, group)
    assert alone.cli("help").stdout == alone.cli("-h").stdout == whole


@pytest.mark.parametrize("argv, words", [
    (["chek"], 'no command "chek"; did you mean check?'),
    (["pollicy", "eval"], "did you mean policy?"),
    (["audit", "qurey"], "did you mean query?"),
    ([""], "no command"),
    (["--bogus"], "no command"),
    (["check", "--optoins"], "did you mean --options?"),
    (["check", "--options=yes"], "--options takes no value"),
    (["version", "extra"], 'unexpected "extra"'),
    (["token"], "--sub is missing"),
    (["token", "--sub"], "--sub needs a value"),
    (["token", "--sub="], "--sub is missing"),
    (["token", "--sub", "a", "--ttl", "5x"], "--ttl must be"),
    (["--format", "xml", "version"], "--format must be table or json"),
    (["version", "--format", "xml"], "--format must be table or json"),
    (["audit", "export", "--format", "xml"], "--format must be csv or jsonl"),
    (["audit", "query", "--limit", "0"], "--limit must be"),
    (["audit", "query"], "there is no trail at"),
    (["audit", "verify"], "there is no trail at"),
    (["lease", "ls"], "no gate answers"),
    (["lease", "show"], "LEASE is missing"),
    (["lease", "show", "x y"], "is not a lease id"),
    (["plugin", "check"], "FILE is missing"),
    (["policy", "eval", "--camera", "lobby-1"], "--camera and --sub are needed"),
    ([*EVAL, "nowhere-1"], 'no camera "nowhere-1"'),
    ([*EVAL, "lobby-1", "--quality", "ultra"], 'no quality "ultra"'),
    ([*EVAL, "lobby-1", "--usage", "user:alice"], "must be SCOPE=NUMBER"),
    ([*EVAL, "lobby-1", "--claims", "[]"], "must be a JSON object"),
])
def test_wrong_words_are_told_and_end_with_2(alone, argv, words):
    said = refused(alone, *argv)
    assert words in said, said
    assert len(said) < 1500


def test_no_configuration_says_where_it_looked(tmp_path):
    done = subprocess.run([BINARY, "check"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=30, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 2 and "-c FILE" in done.stderr \
        and "etc/camgate.lua" in done.stderr
    assert subprocess.run([BINARY, "check", "-c"], cwd=tmp_path,
                          capture_output=True).returncode == 2


# ---- JSON

def test_json_parses_without_a_gate(alone, tmp_path):
    def told(*argv, code=0):
        done = alone.cli(*argv, "--format=json", check=False)
        assert done.returncode == code, done
        return json.loads(done.stdout)

    assert told("version")["plugin_abi"]
    assert told("check")["ok"] is True
    assert {"name", "range", "default", "help"} <= told("check", "--options")[0].keys()
    assert told("token", "--sub", "alice")["token"].count(".") == 2
    assert told(*EVAL, "lobby-1")["quality"] and told(*EVAL, "vault-1", code=1)
    plugins = {p["name"]: p for p in told("plugin", "ls")}
    assert plugins["audit_sqlite"]["configured"] \
        and not plugins["quota_valkey"]["configured"]
    one = told("plugin", "check", BINARY.parent / "plugins/audit_sqlite.so")
    assert one["libraries"]["sqlite"] and one["options"]
    assert told("plugin", "check", tmp_path / "none.so", code=1)["refused"]
    alone.vars["CAMGATE_PORT"] = "notaport"
    assert told("check", code=2)["problems"]


def test_json_parses_beside_a_gate(gate):
    alice = gate.client()
    lease = alice.grant()["lease_id"]
    alice.reserve("vault-1")
    listed = json.loads(gate.cli("lease", "ls", "--format", "json").stdout)
    assert [l["lease_id"] for l in listed] == [lease]
    shown = json.loads(gate.cli("--format", "json", "lease", "show", lease).stdout)
    assert shown == listed[0]
    rows = [json.loads(line)
            for line in gate.cli("audit", "query", "--format=json").stdout.splitlines()]
    assert {"start", "decision"} <= {row["kind"] for row in rows}
    assert json.loads(gate.cli("audit", "verify", "--format",
                               "json").stdout)["intact"] is True
    assert json.loads(gate.cli("lease", "end", lease, "--format", "json").stdout) == \
        {"ended": lease}
    assert json.loads(gate.cli("lease", "ls", "--format", "json").stdout) == []
    done = gate.cli("lease", "show", lease, "--format", "json", check=False)
    assert done.returncode == 1 and "audit query --lease" in done.stderr
    said = refused(gate, "audit", "query", "--since", "yesterday")
    assert "RFC 3339" in said


# ---- pipes

def piped(gate, argv, reader):
    return subprocess.run(["sh", "-c", f'"$@" | {reader}', "sh", BINARY, *argv, "-c",
                           gate.config],
                          env=gate.environment(), capture_output=True, text=True,
                          timeout=60)


def test_a_reader_that_leaves_early_is_no_trouble(gate):
    alice = gate.client()
    for _ in range(40):
        alice.reserve("vault-1")
    for argv in (["audit", "query", "--limit", "1000"], ["audit", "export"],
                 ["check", "--options"], ["audit", "export", "--format", "jsonl"]):
        done = piped(gate, argv, "head -n 1")
        assert len(done.stdout.splitlines()) == 1 and not done.stderr, done
    gate.cli("audit", "verify")


def test_a_result_that_cannot_be_written_is_a_failure(alone):
    for argv in (["version"], ["check", "--options"], ["plugin", "ls"], ["--help"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([BINARY, *argv, "-c", alone.config],
                                  env=alone.environment(), stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
        assert done.returncode == 2 and "cannot write" in done.stderr, (argv, done)


# ---- tables

def columns(text):
    """Of a terminal; what is not shown takes none."""
    return sum(0 if unicodedata.combining(c) else 2
               if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


NAMES = ("al", "Zoë", "Ольга", "山田太郎", "e\u0301ve",
         "a-name-that-is-longer-than-its-column-is")
SPOOFS = {"rt\u202elo": "rt?lo", "zero\u200bwidth": "zero?width", "bidi\u2067x": "bidi?x"}
CONTROLS = ("esc\x1b[31m", "csi\x9b2J", "line\nbreak")


def test_tables_stay_tables(gate):
    for name in NAMES:
        gate.client(name).reserve("vault-1")
        gate.client(name, roles=["operator"]).grant("crowd-1")
    for argv, kept in ((["audit", "query", "--kind", "decision"], "crowd-1"),
                       (["lease", "ls"], "crowd-1")):
        lines = gate.cli(*argv).stdout.splitlines()
        at = columns(lines[0][:lines[0].index("camera")])
        rows = [line for line in lines[1:] if kept in line]
        assert len(rows) >= len(NAMES)
        for line in rows:
            where = columns(line[:line.index(kept)])
            assert where == at or "longer-than" in line, f"{where} is not {at}:\n{line}"
            assert line[line.index(kept) - 1] == " ", "cells have a space between them"


def test_a_name_cannot_act_on_the_terminal(gate):
    for name, shown in SPOOFS.items():
        gate.client(name).reserve("vault-1")
        assert shown in gate.cli("audit", "query", "--subject", name).stdout
    for name in CONTROLS:
        problem(gate.client(name).reserve("vault-1"), 401)
    text = gate.cli("audit", "query").stdout
    assert not [c for c in text if c not in "\n"
                and unicodedata.category(c) in ("Cc", "Cf")]


def test_csv_reads_back_whatever_the_names(gate):
    for name in (*NAMES, *SPOOFS, 'quote"comma,', "=1+1"):
        gate.client(name).reserve("vault-1")
    rows = list(csv.DictReader(io.StringIO(gate.cli("audit", "export", "--kind",
                                                    "decision").stdout)))
    assert [row["subject"].lstrip("'") for row in rows] == [*NAMES, *SPOOFS,
                                                            'quote"comma,', "=1+1"]


# ---- what the guides say

@pytest.mark.parametrize("plugin",
                         ["audit_sqlite", "cameras_file", "ice_turn", "quota_local",
                                    "quota_valkey", "room_livekit"])
def test_a_plugins_readme_lists_its_options(alone, plugin):
    told = json.loads(alone.cli("plugin", "check", BINARY.parent / f"plugins/{plugin}.so",
                                "--format", "json").stdout)["options"]
    readme = (ROOT / "plugins" / plugin / "README.md").read_text()
    table = re.search(r"^\| option .*\n(?:\|.*\n)*", readme, re.M)
    named = re.findall(r"`(\w+)`",
                       "".join(line.split("|")[1]
                               for line in table[0].splitlines())) if table else []
    assert sorted(named) == sorted(option["name"] for option in told)
    for option in told:
        line = next(line for line in table[0].splitlines()
                    if f"`{option['name']}`" in line.split("|")[1])
        if option["default"] and "default" in table[0].splitlines()[0]:
            assert option["default"].strip(":") in line, f"{option} in: {line}"


def test_the_operators_guide_names_what_there_is(new_gate, valkey):
    """Metrics, options and commands in etc/README.md exist."""
    gate = new_gate(**valkey.env())
    guide = (ROOT / "etc/README.md").read_text()
    answer = requests.get(gate.admin + "/metrics", timeout=5)
    there = {line.split()[2] for line in answer.text.splitlines()
             if line.startswith("# TYPE")}
    named = set(re.findall(r"\bcamgate_\w+", guide)) - {"camgate_plugin"}
    assert named and named <= there, named - there
    options = {o["name"] for o in json.loads(gate.cli("check", "--options", "--format",
                                                      "json").stdout)}
    assert set(re.findall(r"`((?:lease|http|limits|deadlines_ms|jwt|listen|admin)\.\w+)`",
                          guide)) <= options
    for command in re.findall(r"\bcamgate ((?:audit|lease|plugin|policy) \w+)", guide):
        assert command in COMMANDS, command
