"""What `camgate check` finds one by one: each refused by `run`, too, in the same words;
what both accept, with or without a warning; and that looking changes nothing."""
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess

import pytest
import requests

import pki
from gate import BINARY, HERE, Gate
from place import SECRET, Place, options
from servers import ROOT

pytestmark = pytest.mark.once

FORMS = {
    "a carriage return": ("{}\r", "carriage return"),
    "a newline": ("{}\n", "newline"),
    "two newlines": ("{}\n\n", "newline"),
    "a byte order mark": ("\ufeff{}", "byte order mark"),
    "double quotes": ('"{}"', "quotes"),
    "single quotes": ("'{}'", "quotes"),
    "typographic quotes": ("\u201c{}\u201d", "quotes"),
    "a blank at its end": ("{} ", "blank"),
    "a blank at its beginning": (" {}", "blank"),
    "a tab at its end": ("{}\t", "blank"),
    "a no-break space": ("{}\u00a0", "blank"),
    "an escape": ("{}\x1b", "control"),
    "angle brackets": ("<{}>", "placeholder"),
    "a template": ("${{{}}}", "placeholder"),
    "changeme": ("changeme-{}", "placeholder"),
}

# as the shipped file names them
VARIABLES = {
    "CAMGATE_JWT_SECRET": "jwt.secret", "LIVEKIT_API_KEY": "room_livekit.api_key",
    "LIVEKIT_API_SECRET": "room_livekit.api_secret",
    "LIVEKIT_WEBHOOK_KEY": "room_livekit.webhook_key",
    "LIVEKIT_WEBHOOK_SECRET": "room_livekit.webhook_secret",
    "TURN_SECRET": "ice_turn.secret", "TURN_USER": "ice_turn.user",
    "TURN_PASSWORD": "ice_turn.password", "VALKEY_URL": "quota_valkey.url",
}


NO_LIVEKIT = {"LIVEKIT_URL": "", "LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "place")


def shipped(folder, **env):
    """The shipped file with an environment in which all is well."""
    place = Place(folder)
    place.file = ROOT / "etc/camgate.lua"
    place.env = {
        "CAMGATE_PORT": place.port, "CAMGATE_ADMIN_PORT": place.admin_port,
        "CAMGATE_STATE_DIR": place.state, "CAMGATE_JWT_SECRET": SECRET,
        "CAMGATE_POLICIES": HERE / "policies", "CAMGATE_CAMERAS": HERE / "cameras.json",
        "LIVEKIT_URL": "http://127.0.0.1:1", "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": SECRET, "CAMGATE_WORKERS": 1} | env
    return place


# ---- what cannot be meant

@pytest.mark.parametrize("form", FORMS)
def test_an_environment_variable_that_cannot_be_meant_is_refused(tmp_path, form):
    pattern, word = FORMS[form]
    odd = {name: pattern.format(SECRET) for name in VARIABLES}
    lines = shipped(tmp_path / "gate", **odd).refused()
    for option in VARIABLES.values():
        (line,) = [line for line in lines if f"{option}: " in line]
        assert word in line and SECRET not in line, line


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_file_that_cannot_be_meant_is_refused(place, form):
    pattern, word = FORMS[form]
    if form == "a newline":
        pattern = "{}\n\n"
    (place.folder / "secret").write_bytes(pattern.format(SECRET).encode())
    for option in ("jwt.secret", "plugins.room_livekit.api_secret",
                   "plugins.ice_turn.secret"):
        place.set(option, 'file "secret"')
    place.set("plugins.room_livekit.api_key", '"key"')
    place.set("plugins.ice_turn.domain", '"turn.example.org"')
    lines = place.write().refused()
    assert len(lines) == 3 and all(word in line for line in lines), lines


def test_one_newline_at_the_end_of_a_secret_file_is_cut(place):
    (place.folder / "secret").write_text(SECRET + "\n")
    (place.folder / "secret").chmod(0o600)
    place.set("jwt.secret", 'file "secret"')
    assert place.write().accepted() == []


def test_an_empty_secret_file_is_refused(place):
    (place.folder / "secret").write_text("")
    place.set("jwt.secret", 'file "secret"')
    (line,) = place.write().refused()
    assert re.search(r'camgate\.lua:\d+: file "secret" is empty', line)


@pytest.mark.parametrize("value", [
    "changeme" * 4, "CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME",
    "your-secret-of-32-bytes-or-more",
    "<put a secret of 32 bytes in here>", "${LIVEKIT_API_SECRET_OF_32_BYTES}",
    "$LIVEKIT_API_SECRET_OF_32_BYTES_OR_MORE", "{{ livekit_api_secret_from_vault }}",
    "$(openssl rand -hex 32 of a shell)"])
def test_a_placeholder_is_no_secret(tmp_path, value):
    lines = shipped(tmp_path / "gate", LIVEKIT_API_SECRET=value, TURN_SECRET=value,
                    CAMGATE_JWT_SECRET=value, TURN_DOMAIN="turn.example.org").refused()
    assert len(lines) == 3 and all("is a placeholder" in line for line in lines), lines


def test_example_values_of_the_guides_are_no_secrets(tmp_path):
    """The template as it is copied: with its secrets not filled in nothing starts."""
    text = (ROOT / "etc/env.example").read_text()
    env = dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.M))
    place = shipped(tmp_path / "gate")
    place.env = {name: value for name, value in place.env.items()
                 if not name.startswith("LIVEKIT_")} | env
    lines = place.refused()
    assert any("api_key and api_secret are needed" in line for line in lines), lines


CASES = {
    # option: literal, words, other options
    "a port that is no port": ({"listen.port": 65536}, "listen.port: must be 0 to 65535"),
    "a name that is not found": (
        {"listen.address": '"nowhere.invalid"'}, "listen.address: cannot find"),
    "an address of another host": (
        {"listen.address": '"192.0.2.1"'},
        "listen.address: cannot listen on 192.0.2.1 port"),
    "an admin address of another host": (
        {"admin.address": '"192.0.2.1"'},
        "admin.address: cannot listen on 192.0.2.1 port"),
    "an address of many hosts": (
        {"listen.address": '"224.0.0.1"'},
        "listen.address: cannot listen on 224.0.0.1 port .* no address of this host"),
    "an address with a scheme": (
        {"listen.address": '"http://127.0.0.1"'}, "listen.address: "),
    "an address with a port": (
        {"admin.address": '"127.0.0.1:80"'}, "admin.address: "),
    "no cert beside the key": ({"listen.tls.key": '"x.pem"'}, "needs the cert beside it"),
    "a cert that is not there": (
        {"listen.tls.cert": '"x.pem"', "listen.tls.key": '"y.pem"'},
        "x.pem: No such file"),
    "a folder as a cert": (
        {"listen.tls.cert": '"."', "listen.tls.key": '"."'}, "is no certificate chain"),
    "a key set that is not there": (
        {"jwt.jwks": '"keys.json"', "jwt.secret": "nil"}, "keys.json: No such file"),
    "a folder as a key set": (
        {"jwt.jwks": '"."', "jwt.secret": "nil"}, "jwt.jwks: .*not a regular file"),
    "a key set over plain HTTP": (
        {"jwt.jwks": '"http://issuer.example/keys"', "jwt.secret": "nil"}, "jwt.jwks: "),
    "a key set without its host": (
        {"jwt.jwks": '"https:///keys"', "jwt.secret": "nil"}, "jwt.jwks: is not a URL"),
    "an authority that is none": (
        {"jwt.jwks": '"https://a.example/keys"', "jwt.jwks_ca": '"camgate.lua"',
         "jwt.secret": "nil"}, "is no file of certificates"),
    "a folder as an authority": (
        {"jwt.jwks": '"https://a.example/keys"', "jwt.jwks_ca": '"."',
         "jwt.secret": "nil"}, "jwt.jwks_ca: .*is no file of certificates"),
    "an authority for nobody": (
        {"jwt.jwks_ca": '"camgate.lua"'}, "jwt.jwks_ca: is for a jwks"),
    "a public key that is none": (
        {"jwt.public_key": '"camgate.lua"', "jwt.secret": "nil"}, "jwt.public_key: "),
    "a short secret": ({"jwt.secret": '"short"'}, "jwt.secret: "),
    "an origin with a path": (
        {"http.cors.origins": '"https://a.example/x"'}, "http.cors.origins.1: "),
    "an origin of WebSockets": (
        {"http.cors.origins": '"wss://a.example"'}, "http.cors.origins.1: "),
    "a network that is none": ({"listen.allow": '{ "10.0.0.0/33" }'}, "listen.allow.1: "),
    "a state folder inside a file": (
        {"state_dir": '"camgate.lua/state"'}, "state_dir: .*camgate.lua"),
    "a folder's name that is too long": (
        {"state_dir": f'"{"x" * 300}"'}, "state_dir: .*File name too long"),
    "a file as the state folder": ({"state_dir": '"camgate.lua"'}, "state_dir: "),
    "policies that are not there": (
        {"policies.dir": '"nowhere"'}, r"policies.dir: .*/nowhere: No such file"),
    "a file as the policies": (
        {"policies.dir": '"camgate.lua"'}, "policies.dir: .*Not a directory"),
    "plugins that are not there": ({"plugin_dir": '"nowhere"'}, "nowhere"),
    "cameras that are not there": (
        {"plugins.cameras_file.path": '"nowhere.json"'}, "nowhere.json: cannot be"),
    "a folder as the cameras": (
        {"plugins.cameras_file.path": '"."'}, "not a regular file"),
    "no cameras named": ({"plugins.cameras_file.path": "nil"},
                         "cameras_file.path: the cameras' JSON file is needed"),
    "cameras that are no JSON": (
        {"plugins.cameras_file.path": '"camgate.lua"'}, "camgate.lua: "),
    "a folder as the trail": (
        {"plugins.audit_sqlite.path": '"."'}, r"/\.: unable to open"),
    "a trail in a folder that is not there": (
        {"plugins.audit_sqlite.path": '"nowhere/audit.db"'},
        "nowhere/audit.db.lock: No such file"),
    "a text as the trail": (
        {"plugins.audit_sqlite.path": '"camgate.lua"'}, "file is not a database"),
    "a beat that is no shorter than the lapse": (
        {"lease.beat_s": 60, "lease.lapse_s": 60}, "lease.beat_s: must be less than"),
    "a token that outlives the lease": (
        {"lease.token_s": 7200, "lease.longest_s": 3600},
        "lease.token_s: must not be more than lease.longest_s"),
    "a lapse that outlives the lease": (
        {"lease.lapse_s": 600, "lease.longest_s": 300},
        "lease.lapse_s: must not be more than lease.longest_s"),
    "one port for both": ({"admin.port": "PORT"}, "admin.port: must be another port"),
    "LiveKit without its key": (
        {"plugins.room_livekit.url": '"ws://127.0.0.1:1"'},
        "room_livekit.url: .*api_key and api_secret are needed"),
    "a key without its secret": (
        {"plugins.room_livekit.api_key": '"k"'}, "so api_secret is needed"),
    "a secret without its key": (
        {"plugins.room_livekit.api_secret": f'"{SECRET}"'}, "so api_key is needed"),
    "a webhook key without its secret": (
        {"plugins.room_livekit.webhook_key": '"hook"'}, "so webhook_secret is needed"),
    "a webhook secret without its key": (
        {"plugins.room_livekit.webhook_secret": f'"{SECRET}"'},
        "so webhook_key is needed"),
    "LiveKit behind another scheme": (
        {"plugins.room_livekit.url": '"redis://127.0.0.1:1"',
         "plugins.room_livekit.api_key": '"k"',
         "plugins.room_livekit.api_secret": f'"{SECRET}"'},
        "room_livekit.url: must be ws://, wss://, http:// or https://"),
    "LiveKit at a port that is none": (
        {"plugins.room_livekit.public_url": '"wss://live.example:77777"'},
        "room_livekit.public_url: must be ws://.* a port of 1 to 65535"),
    "LiveKit without a host": (
        {"plugins.room_livekit.public_url": '"wss:///live.example"'},
        "room_livekit.public_url: must be"),
    "LiveKit at two places": (
        {"plugins.room_livekit.public_url": '"ws://a.example:7880,ws://b.example:7880"'},
        "room_livekit.public_url: must be"),
    "LiveKit at half an address": (
        {"plugins.room_livekit.public_url": '"ws://[::1:7880"'},
        "room_livekit.public_url: must be"),
    "LiveKit without a scheme": (
        {"plugins.room_livekit.url": '"127.0.0.1:7880"'}, "room_livekit.url: must be"),
    "TURN with a scheme": (
        {"plugins.ice_turn.domain": '"turn:turn.example"',
         "plugins.ice_turn.secret": '"s0me-secret"'}, "ice_turn.domain: must be a host"),
    "TURN without a secret": (
        {"plugins.ice_turn.domain": '"turn.example"'}, "ice_turn.domain: .*needed"),
    "a time of another tier": ({"tiers": "{ 5 }"}, "tiers.1: "),
    "a trail that is only read": (
        {"plugins.audit_sqlite.read_only": "true"}, "audit_sqlite.read_only: is for"),
    "an option given twice": (
        {"drain_s": "1, drain_s = 2"}, "drain_s is given twice, on line"),
    "an option of a plugin given twice": (
        {"plugins.ice_turn.port": "1, port = 2"}, "port is given twice, on line"),
    "a plugin given twice": (
        {"plugins.ice_turn.port": '1 }, { "ice_turn"'}, "is there twice"),
}


@pytest.mark.parametrize("what", CASES)
def test_it_is_refused_by_both_in_the_same_words(place, what):
    options, expected = CASES[what]
    for option, literal in options.items():
        place.set(option, place.port if literal == "PORT" else literal)
    lines = place.write().refused()
    assert any(re.search(expected, line) for line in lines), lines
    assert all(re.search(r"camgate\.lua(:\d+)?: ", line) for line in lines), lines
    assert not place.state.exists() or not list(place.state.iterdir())


VALKEY = {
    "another scheme": ("http://127.0.0.1:1", "quota_valkey.url: "),
    "no number": ("redis://127.0.0.1:port/0", "quota_valkey.url: the port"),
    "two hosts": ("redis://a.example, b.example", "there is no readable host"),
    "no host": ("redis:///0", "quota_valkey.url: there is no readable host"),
    "a file without its path": ("unix://x", "quota_valkey.url: the socket's path"),
    "a carriage return": ("redis://127.0.0.1:1/0\r", "quota_valkey.url: holds a carr"),
}


@pytest.mark.parametrize("what", VALKEY)
def test_an_odd_valkey_is_refused(place, what):
    url, expected = VALKEY[what]
    place.quota("quota_valkey")
    place.set("plugins.quota_valkey.url", json.dumps(url))
    (line,) = place.write().refused()
    assert expected in line, line


def test_an_authority_for_a_valkey_without_tls_is_refused(place):
    place.quota("quota_valkey")
    place.set("plugins.quota_valkey.ca", '"camgate.lua"')
    (line,) = place.write().refused()
    assert "quota_valkey.ca: is for a rediss:// server" in line
    place.set("plugins.quota_valkey.url", '"rediss://127.0.0.1:1/0"')
    (line,) = place.write().refused()
    assert "quota_valkey.ca: the authority cannot be read" in line


def test_links_that_lead_nowhere_are_refused(place):
    place.state.symlink_to("nowhere")
    (line,) = place.write().refused()
    assert "state_dir: " in line and "is not a folder" in line
    place.state.unlink()
    place.state.mkdir()
    (place.state / "audit.db").symlink_to("nowhere")
    (place.state / "jwt.secret").symlink_to("nowhere")
    place.set("jwt.secret", "nil")
    lines = place.write().refused()
    assert len(lines) == 2 and all("a link that leads nowhere" in at for at in lines)


def test_a_plugin_that_was_cut_is_refused(place):
    plugins = shutil.copytree(BINARY.parent / "plugins", place.folder / "plugins")
    cut = plugins / "ice_turn.so"
    cut.write_bytes(cut.read_bytes()[:9000])
    place.set("plugin_dir", f'"{plugins}"')
    (line,) = place.write().refused()
    assert "ice_turn.so is refused: the file was cut short" in line


def test_an_empty_policy_folder_is_refused_and_so_it_is_by_a_reload(place, started):
    policies = place.folder / "policies"
    shutil.copytree(HERE / "policies", policies)
    place.set("policies.dir", f'"{policies}"')
    gate = Gate(place.folder / "run", config=place.write().file)
    gate.port, gate.admin_port, gate.vars = place.port, place.admin_port, {}
    started(gate)
    for file in policies.iterdir():
        file.unlink()
    (policies / "lib").mkdir()
    (policies / "lib/only.lua").write_text("return {}")
    reply = requests.post(gate.admin + "/reload", timeout=20)
    assert reply.status_code == 422 and "there is no policy (*.lua) in it" in reply.text
    gate.stop_cleanly()
    (line,) = place.refused()
    assert re.search(r"camgate\.lua:\d+.*: policies.dir: .*there is no policy", line)


def marked(path):
    return b"\xef\xbb\xbf" + path.read_bytes()


def test_a_key_set_with_a_byte_order_mark_is_refused(place):
    (place.folder / "keys.json").write_bytes(b'\xef\xbb\xbf{"keys": []}')
    place.set("jwt.jwks", '"keys.json"')
    place.set("jwt.secret", "nil")
    (line,) = place.write().refused()
    assert "jwt.jwks: " in line and "byte order mark" in line


def test_libs_that_use_each_other_in_a_circle_are_refused(place):
    libs = place.folder / "policies/lib"
    libs.mkdir(parents=True)
    (libs / "a.lua").write_text("return use('b')")
    (libs / "b.lua").write_text("return use('a')")
    (libs.parent / "10.lua").write_text("use('a') return { name = 'x', decide = type }")
    place.set("policies.dir", '"policies"')
    lines = place.write().refused()
    assert any("uses itself" in line for line in lines), lines


def test_a_byte_order_mark_in_files_is_refused_and_so_it_is_by_a_reload(place, started):
    policies, cameras = place.folder / "policies", place.folder / "cameras.json"
    shutil.copytree(HERE / "policies", policies)
    shutil.copy(HERE / "cameras.json", cameras)
    place.set("policies.dir", f'"{policies}"')
    place.set("plugins.cameras_file.path", f'"{cameras}"')
    gate = Gate(place.folder / "run", config=place.write().file)
    gate.port, gate.admin_port, gate.vars = place.port, place.admin_port, {}
    started(gate)
    for path in (policies / "10_people.lua", cameras):
        sound = path.read_bytes()
        path.write_bytes(marked(path))
        reply = requests.post(gate.admin + "/reload", timeout=20)
        assert reply.status_code == 422 and "byte order mark" in reply.text, reply.text
        path.write_bytes(sound)
    gate.stop_cleanly()
    for path in (policies / "10_people.lua", cameras, place.file):
        sound = path.read_bytes()
        path.write_bytes(marked(path))
        (line,) = place.refused()
        assert "begins with a byte order mark" in line, line
        path.write_bytes(sound)


@pytest.mark.parametrize("file, expected", [
    ("return {\0}", "NUL"), ("", "must return a table"), ("return 5", "return a table"),
    ("\xff\xfer\0", "UTF-16"), ("return {", "camgate.lua:"),
    ("while true do end", "runs too long")])
def test_a_file_that_is_none_is_refused(place, file, expected):
    place.file.write_bytes(file.encode("latin-1"))
    (line,) = place.refused()
    assert expected in line, line


def test_no_file_at_all_is_told_in_json_too(tmp_path):
    done = subprocess.run([BINARY, "check", "--format", "json"], cwd=tmp_path,
                          capture_output=True, timeout=20, env={"PATH": "/nowhere"})
    assert done.returncode == 2 and b"-c FILE" in done.stderr
    assert json.loads(done.stdout)["ok"] is False


def test_paths_that_lead_nowhere_are_refused(place):
    place.file.symlink_to(place.file)
    (line,) = place.refused()
    assert "symbolic links" in line
    place.file = place.folder
    (line,) = place.refused()
    assert "not a regular file" in line
    place.file = place.folder / "pipe"
    os.mkfifo(place.file)
    (line,) = place.refused()
    assert "not a regular file" in line


def test_windows_line_ends_in_the_file_are_fine(place):
    place.write().file.write_bytes(place.text().replace("\n", "\r\n").encode())
    place.file.chmod(0o600)
    assert place.accepted() == []


# ---- the trail, looked at only

def snapshot(folder):
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes())
            for path in folder.rglob("*") if path.is_file()}


def trail_of(place, sql=None, text=None):
    place.state.mkdir()
    path = place.state / "audit.db"
    if text is not None:
        path.write_text(text)
        return
    with sqlite3.connect(path) as db:
        db.executescript(sql)
    db.close()


@pytest.mark.parametrize("what, expected", [
    ("another version", "has schema version 77, this gate writes"),
    ("something else", "is a database of something else"),
    ("no database", "file is not a database"),
    ("a head without its trail", "is gone, and .* tells of 7 rows"),
    ("a head that is none", "is not a head that the gate wrote"),
])
def test_a_trail_that_run_refuses_is_refused_by_check(place, what, expected):
    v1 = (ROOT / "tests/plugins/trail_v1.sql").read_text()
    if what == "another version":
        trail_of(place, re.sub(r"user_version = \d+", "user_version = 77", v1))
    elif what == "something else":
        trail_of(place, "CREATE TABLE t(a); PRAGMA user_version = 2;")
    elif what == "no database":
        trail_of(place, text="no database at all " * 100)
    else:
        place.state.mkdir()
        (place.state / "audit.db.head").write_text(
            f"camgate audit head {7:020} {'ab' * 32}\n" if "without" in what else "x")
    before = snapshot(place.state)
    checked = place.write().command("check")
    assert snapshot(place.state) == before, "a check changes nothing"
    (line,) = place.refused()
    assert re.search(r"lua:\d+: plugins\.audit_sqlite: .*" + expected, line), line
    assert checked.returncode == 2


@pytest.mark.parametrize("name", ["audit.db.head", "audit.db-wal", "audit.db-shm"])
def test_what_is_beside_the_trail_must_be_usable(place, name):
    (place.state / name).mkdir(parents=True)
    (line,) = place.write().refused()
    assert f"{name}: Is a directory" in line


def test_a_trail_whose_end_was_cut_is_refused_by_check(place, started):
    gate = Gate(place.folder / "run", config=place.write().file)
    gate.port, gate.admin_port, gate.vars = place.port, place.admin_port, {}
    started(gate)
    gate.secret = SECRET
    gate.client().grant()
    beside = place.command("check")
    assert beside.returncode == 0 and b"audit_sqlite:" not in beside.stdout
    gate.stop_cleanly()
    before = snapshot(place.state)
    assert place.command("check").returncode == 0
    assert snapshot(place.state) == before, "a check changes nothing"
    with sqlite3.connect(place.state / "audit.db") as db:
        db.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    db.close()
    (line,) = place.refused()
    assert "was acknowledged" in line


def test_check_makes_nothing_and_holds_no_port(place):
    assert place.write().command("check").returncode == 0
    assert sorted(path.name for path in place.folder.iterdir()) == ["camgate.lua"]


# ---- warnings

def test_a_clean_deployment_hears_in_order_alone(tmp_path):
    """No warning but of versions that somebody has to see to."""
    place = Place(tmp_path / "place")
    done = place.write().command("check")
    first, *rest = done.stdout.decode().splitlines()
    assert done.returncode == 0 and not done.stderr
    assert first == f"{place.file} is in order"
    warnings = [line for line in rest if line.startswith("warning: ")]
    assert not [line for line in warnings if "camgate.lua" in line], warnings
    assert not re.search("Worked around|Not reached", done.stdout.decode())


def test_standing_warnings_are_behind_known_bad(place):
    place.write()
    said = place.command("check", "--known-bad").stdout.decode()
    assert re.search(r"^warning: evhtp \S+ \(camgate\): .*Worked around", said, re.M)
    harmless = [row for row in json.loads(place.command(
        "check", "--known-bad", "--format", "json").stdout) if row["harmless"]]
    assert {row["name"] for row in harmless} >= {"evhtp", "sqlite", "lua"}
    assert all(re.match("Worked around|Not reached", row["advice"]) for row in harmless)


def test_a_misspelt_variable_is_a_warning_with_the_nearest(tmp_path):
    place = shipped(tmp_path / "gate", CAMGATE_PROT=1, CAMGATE_NOVEL="x",
                    TURN_DOMIAN="turn.example.org", LIVEKIT_WEBHOOK_KYE="k",
                    LIVEKIT_KEYS="k: s", CAMGATE_TOKEN="t", UNRELATED="x",
                    camgate_port=1, **NO_LIVEKIT)
    warnings = [w for w in place.accepted() if "variable" in w]
    told = {re.search(r"variable (\w+)", w)[1]: w for w in warnings}
    assert set(told) == {"CAMGATE_PROT", "CAMGATE_NOVEL", "TURN_DOMIAN", "camgate_port",
                         "LIVEKIT_WEBHOOK_KYE"}
    assert "did you mean TURN_DOMAIN?" in told["TURN_DOMIAN"]
    assert "did you mean LIVEKIT_WEBHOOK_KEY?" in told["LIVEKIT_WEBHOOK_KYE"]


@pytest.mark.parametrize("value", ["8090\r", " 8090", "8090 ", "'8090'", "80x", "8090.5",
                                   "-1", "65536", "8,090"])
def test_a_number_of_the_environment_is_one_or_it_is_refused(tmp_path, value):
    (line,) = shipped(tmp_path / "gate", CAMGATE_PORT=value).refused()
    assert "listen.port: must be" in line, line


def test_a_policy_that_is_not_taken_for_its_name_is_a_warning(place):
    policies = shutil.copytree(HERE / "policies", place.folder / "policies")
    place.set("policies.dir", f'"{policies}"')
    for name in ("40 gates.lua", "50_yards.LUA", ".60_hidden.lua", "notes.txt"):
        (policies / name).write_text("nonsense")
    said = "\n".join(place.write().accepted())
    assert "40 gates.lua is not taken for a policy" in said and "50_yards.LUA" in said
    assert "hidden" not in said and "notes" not in said


def test_a_file_that_everybody_may_change_is_a_warning(place):
    place.write().file.chmod(0o666)
    assert any("everybody on this host may change it" in w for w in place.accepted())
    place.file.chmod(0o644)
    assert place.accepted() == []


def test_a_secret_that_others_may_read_is_a_warning(place):
    secret = place.folder / "secret"
    secret.write_text(SECRET)
    place.set("jwt.secret", 'file "secret"')
    for mode, said in ((0o644, "read"), (0o666, "changed"), (0o640, None), (0o400, None)):
        secret.chmod(mode)
        warnings = place.write().command("check").stdout.decode()
        hit = re.search(r"camgate\.lua:\d+: file \"secret\" may be (\w+) by everybody",
                        warnings)
        assert (hit and hit[1]) == said, warnings


def test_a_tls_key_that_others_may_read_is_a_warning(place):
    cert, key = pki.Authority(place.folder).issue()
    place.set("listen.tls.cert", f'"{cert}"')
    place.set("listen.tls.key", f'"{key}"')
    for mode in (0o644, 0o600):
        key.chmod(mode)
        said = place.write().command("check").stdout.decode()
        assert ("listen.tls.key: everybody on this host" in said) == (mode == 0o644)


@pytest.mark.parametrize("address, told", [('"127.0.0.1"', False), ('"::1"', False),
                                           ('"0.0.0.0"', True),
                                           ('{ "127.0.0.1", "0.0.0.0" }', True)])
def test_the_development_secret_on_a_public_address_is_a_warning(place, address, told):
    place.set("jwt.secret", "nil")
    place.set("listen.address", address)
    words = b"signed with the development secret: configure"
    said = place.write().command("check")
    assert said.returncode == 0 and (words in said.stdout) == told
    place.set("jwt.secret", f'"{SECRET}"')
    assert words not in place.write().command("check").stdout


def test_a_development_secret_that_others_may_read_is_refused(place):
    place.set("jwt.secret", "nil")
    place.state.mkdir()
    (place.state / "jwt.secret").write_text(SECRET)
    (place.state / "jwt.secret").chmod(0o644)
    (line,) = place.write().refused()
    assert "jwt.secret: " in line and "readable by its owner alone" in line


def test_a_development_secret_that_is_short_is_refused(place):
    place.set("jwt.secret", "nil")
    place.state.mkdir()
    (place.state / "jwt.secret").write_text("")
    (place.state / "jwt.secret").chmod(0o600)
    (line,) = place.write().refused()
    assert "jwt.secret: the secret for HS256 has 0 bytes" in line


def test_a_port_that_is_taken_is_a_warning_and_run_says_the_same(place):
    place.write()
    with socket.create_server(("127.0.0.1", place.port)):
        checked, ran = place.command("check"), place.command("run")
    assert checked.returncode == 0 and ran.returncode == 2
    words = f"cannot listen on 127.0.0.1 port {place.port}: another process serves it"
    assert f"listen.port: {words}" in checked.stdout.decode()
    assert words in ran.stderr.decode()


# ---- what is fine

def test_the_defaults_spelled_out_are_accepted(place):
    done = subprocess.run([BINARY, "check", "--options", "--format", "json"],
                          capture_output=True, check=True, timeout=60)
    for row in json.loads(done.stdout):
        default = row["default"]
        if row["name"] in place.core or default is None:
            continue
        place.set(row["name"], default if default.isdigit() else f'"{default}"')
    assert place.write().accepted() == []


# a table of ten million leases, a million connections: memory, not words
LARGE = ("workers", "lease.max", "http.connections", "http.per_address", "http.in_flight",
         "jwt.cache_entries", "limits.memory_mib", "plugins.quota_local.max_leases",
         "plugins.quota_local.max_scopes", "lease.arena_kib",
         "plugins.audit_sqlite.queue")
PORTS = ("listen.port", "admin.port")


def bounds():
    for name, kind, least, most in options():
        if kind == "int" and name not in PORTS and "valkey" not in name:
            yield name, least, most


@pytest.mark.parametrize("end", ["least", "most"])
def test_every_number_at_its_bound_is_accepted(place, end):
    for name, least, most in bounds():
        if end == "least" or name not in LARGE:
            place.set(name, least if end == "least" else most)
    if end == "least":
        place.set("workers", 1)
        place.set("lease.lapse_s", 2)
    else:
        place.set("lease.beat_s", 86399)
        place.set("jwt.jwks_least_s", 3600)
    assert place.write().accepted() == []


def test_the_shipped_file_is_accepted(tmp_path):
    assert shipped(tmp_path / "gate", **NO_LIVEKIT).accepted() == []
