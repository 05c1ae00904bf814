"""Time zones: configured, refused when they are none, shown everywhere."""
import json
import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from gate import BINARY, Gate, problem
from servers import ROOT
from wait import until

FOLDER = Path("/usr/share/zoneinfo")
SHIPPED = ROOT / "policies"
EVENING = "2026-11-23T18:30:00Z"  # 19:30 in Berlin, a Monday
HOURS = """return { name = "hours", decide = function(req)
  local t = req.time
  return deny(t.date .. " " .. t.hour .. " " .. t.weekday) end }
"""

NO_ZONES = {  # and what is said of them
    "Europe/Berln": "did you mean Europe/Berlin?",
    "europe/berlin": "did you mean Europe/Berlin?",
    "Berlin": "did you mean Europe/Berlin?",
    "Europe/New York": "did you mean America/New_York?",
    ":Europe/Berlin": "did you mean Europe/Berlin?",
    "/usr/share/zoneinfo/Europe/Berlin": "is a path",
    "../zoneinfo/Europe/Berlin": "is not the name of a time zone",
    "Europe/../Europe/Berlin": "is not the name of a time zone",
    "CET-1CEST,M3.5.0,M10.5.0/3": "is a rule",
    "CET-1CEST": "is a rule",
    "<+03>-3": "is a rule",
    "UTC0": "did you mean UTC?",
    "PST": "is an abbreviation",
    "CEST": "is an abbreviation",
    "EUROPE/BERLIN": "did you mean Europe/Berlin?",
    "Europe": "is no time zone",
    "zone.tab": "is not a time zone file",
    "right/Europe/Berlin": "did you mean Europe/Berlin?",
    "Factory": "the time of nowhere",
    "": "is no time zone: name one such as Europe/Berlin",
    "Europe/Berlin ": "did you mean Europe/Berlin?",
    "Europe/Berlin\t": "did you mean Europe/Berlin?",
    "X" * 200: "is too long",
}


def configured(folder, sites="", zone='env "CAMGATE_ZONE"'):
    """The shipped file, with a sites table and another zone."""
    text = (ROOT / "etc/camgate.lua").read_text()
    text = re.sub(r"-- sites = .*", lambda _: f"sites = {{ {sites} }},", text, count=1)
    text = text.replace('zone = env "CAMGATE_ZONE"', f"zone = {zone}")
    assert f"zone = {zone}" in text and "\n  sites = {" in text
    file = folder / "camgate.lua"
    file.write_text(text)
    return file


@pytest.fixture
def commands(tmp_path):
    """A gate for its commands only, on the shipped policies."""
    def made(**env):
        config = env.pop("config", None)
        folder = tmp_path / "commands"
        return Gate(folder, policies=SHIPPED, cameras=ROOT / "etc/cameras.json",
                    config=config, **env)
    return made


def contractor(gate, at, *more, check=False):
    done = gate.cli("policy", "eval", "--sub", "carl", "--role", "contractor", "--camera",
                    "lobby-1", "--at", at, "--format", "json", *more, check=check)
    return json.loads(done.stdout) if done.stdout else done


def status(gate):
    return requests.get(gate.admin + "/status", timeout=5).json()


def reload(gate):
    return requests.post(gate.admin + "/reload", timeout=20)


def shows_now(text, zone):
    """Is this RFC 3339 text the time there, but for the seconds that have passed?"""
    told, now = datetime.fromisoformat(text), datetime.now(ZoneInfo(zone))
    assert told.utcoffset() == now.utcoffset(), (text, now)
    assert abs((now - told).total_seconds()) < 60, (text, now)


# ---- names

def test_unknown_zones_are_refused_by_check_with_the_nearest_name(commands):
    for name, words in NO_ZONES.items():
        done = commands(TZ=name).cli("check", check=False)
        assert done.returncode == 2 and words in done.stderr, (name, done.stderr)
        assert "policies.zone" in done.stderr and "TZ" in done.stderr, done.stderr


@pytest.mark.parametrize("variable", ["TZ", "CAMGATE_ZONE"])
def test_unknown_zones_are_refused_by_run(commands, variable):
    for name in ("Europe/Berln", "CET-1CEST,M3.5.0,M10.5.0/3", ":Europe/Berlin"):
        done = commands(**{variable: name}).cli("run", check=False)
        assert done.returncode == 2 and name in done.stderr, done.stderr
        assert re.search(r"camgate\.lua:\d+: policies\.zone: ", done.stderr)


def test_all_that_is_wrong_with_zones_is_told_at_once(commands, tmp_path):
    config = configured(tmp_path, zone='"Europe/Berln"', sites="""
      ["harbor-north"] = { zone = "Europe/Lisbn" },
      south = { zon = "Europe/Rome" },
      east = { zone = "UTC" },
      west = { },
      """)
    done = commands(config=config).cli("check", check=False)
    assert done.returncode == 2
    for words in ("Europe/Lisbon", "Europe/Berlin", "sites.south.zon:"):
        assert words in done.stderr, done.stderr
    assert "sites.east" not in done.stderr
    lines = config.read_text().splitlines()
    found = re.search(r"camgate\.lua:(\d+): sites\.harbor-north\.zone", done.stderr)
    assert "harbor-north" in lines[int(found[1]) - 1]


def test_a_site_that_no_camera_is_of_is_warned_of(commands, tmp_path):
    config = configured(tmp_path, sites='nort = { zone = "Europe/Lisbon" }, '
                                        'north = { zone = "Europe/Lisbon" }')
    done = commands(config=config).cli("check")
    said, = [line for line in done.stdout.splitlines() if "sites" in line]
    assert re.search(r"camgate\.lua:\d+: sites\.nort: no camera is of this site; "
                     "did you mean north\\?$", said)


def test_a_table_of_sites_that_is_none_is_refused(commands, tmp_path):
    for sites, words in {
            '"north"': "sites: must be a table of at most 1024",
            'north = "UTC"': "sites.north: must be",
            '[7] = { zone = "UTC" }, x = { zone = "UTC" }': "named values",
            'north = { zone = "" }': "sites.north.zone: \"\" is no time zone",
            'north = { zone = 7 }': "sites.north.zone: must be",
            f'["{"x" * 300}"] = {{ zone = "UTC" }}': "is no name of a site",
            '["a\\nb"] = { zone = "UTC" }': '"a?b" is no name of a site',
            '[""] = { zone = "UTC" }': '"" is no name of a site'}.items():
        done = commands(config=configured(tmp_path, sites)).cli("check", check=False)
        assert done.returncode == 2 and words in done.stderr, (sites, done.stderr)


def test_a_table_of_wrong_zones_is_told_of_in_bounds(commands, tmp_path):
    sites = ", ".join(f'["s{n}"] = {{ zone = "Europe/Berl{n}" }}' for n in range(1000))
    done = commands(config=configured(tmp_path, sites)).cli("check", check=False)
    assert done.returncode == 2
    assert done.stderr.count("did you mean Europe/Berlin?") == 32


def test_a_text_for_policies_is_their_folder(commands, tmp_path):
    config = configured(tmp_path)
    text = re.sub(r"policies  = \{.*?\n  \},", 'policies = env "CAMGATE_POLICIES",',
                  config.read_text(), count=1, flags=re.DOTALL)
    config.write_text(text)
    gate = commands(config=config, TZ="Asia/Tokyo")
    assert "Asia/Tokyo (TZ)" in gate.cli("check").stdout
    assert contractor(gate, "2026-11-23T01:00:00Z")["verdict"] == "allow"


def test_without_tzdata_there_is_utc_alone(commands):
    gone = {"TZDIR": "/nonexistent"}
    assert "UTC" in commands(TZ="UTC", **gone).cli("check").stdout
    assert "Etc/UTC" in commands(TZ="Etc/UTC", **gone).cli("check").stdout
    done = commands(TZ="Europe/Berlin", **gone).cli("check", check=False)
    assert done.returncode == 2 and "is tzdata installed?" in done.stderr


# ---- which zone holds

def test_check_and_explain_show_the_zone(commands):
    gate = commands(CAMGATE_ZONE="Asia/Kolkata", TZ="Europe/Rome")
    assert "Asia/Kolkata (policies.zone)" in gate.cli("check").stdout
    told = json.loads(gate.cli("check", "--format", "json").stdout)
    assert told["zone"] == "Asia/Kolkata"
    shows_now(told["local_time"], "Asia/Kolkata")
    said = gate.cli("policy", "eval", "--sub", "ada", "--role", "admin", "--camera",
                    "lobby-1", "--at", EVENING).stdout
    assert "Tue 2026-11-24T00:00:00+05:30, Asia/Kolkata" in said
    assert "Europe/Rome (TZ)" in commands(TZ="Europe/Rome").cli("check").stdout


def test_the_systems_zone_is_the_last_resort(commands):
    gate = commands()
    environment = gate.environment
    gate.environment = lambda: {k: v for k, v in environment().items() if k != "TZ"}
    told = json.loads(gate.cli("check", "--format", "json").stdout)
    with open("/etc/localtime", "rb") as system:
        now = datetime.now(ZoneInfo.from_file(system))
    assert datetime.fromisoformat(told["local_time"]).utcoffset() == now.utcoffset()


SYSTEMS = [  # how /etc/localtime is made, and what check says then
    ("ln -s /usr/share/zoneinfo/Asia/Kolkata {}", "Asia/Kolkata (/etc/localtime)"),
    ("ln -s ../usr/share/zoneinfo/US/Eastern {}", "US/Eastern (/etc/localtime)"),
    ("cp -L /usr/share/zoneinfo/Asia/Tokyo {}", "localtime (/etc/localtime)"),
    ("true", "UTC (there is no /etc/localtime)"),
    ("ln -s /usr/share/zoneinfo/Etc/UTC {}", "Etc/UTC (/etc/localtime)"),
    ("ln -s /usr/share/zoneinfo/Europe/Berln {}", "did you mean Europe/Berlin?"),
    ("ln -s /usr/share/zoneinfo/right/Asia/Tokyo {}", "did you mean Asia/Tokyo?"),
    ("echo no zone > {}", "is not a time zone file"),
]


def test_what_etc_localtime_says(commands, tmp_path):
    """In a mount namespace with an /etc of its own, which root may make."""
    gate = commands()
    environment = gate.environment()
    environment.pop("TZ", None)
    for n, (make, words) in enumerate(SYSTEMS):
        etc = tmp_path / f"etc{n}"
        etc.mkdir()
        subprocess.run(make.format(etc / "localtime"), shell=True, check=True)
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc,
             BINARY, "check", "-c", gate.config], env=environment, text=True,
            capture_output=True, timeout=60)
        assert words in done.stdout + done.stderr, (make, done.stdout + done.stderr)
        assert done.returncode == (0 if "/etc/localtime)" in words else 2)


def test_contractors_do_not_get_in_at_half_past_seven(commands):
    berlin = commands(CAMGATE_ZONE="Europe/Berlin")
    assert contractor(berlin, EVENING)["reason"] == "outside office hours"
    assert contractor(berlin, "2026-11-23T17:00:00Z")["verdict"] == "deny"
    assert contractor(berlin, "2026-11-23T16:59:59Z")["verdict"] == "allow"
    # a slip of the pen was UTC: 17:30, and open
    done = contractor(commands(TZ="Europe/Berln"), "2026-11-23T17:30:00Z")
    assert done.returncode == 2 and "did you mean Europe/Berlin?" in done.stderr


def test_a_fixed_time_is_answered_the_same_whatever_tz_the_host_has(commands):
    said = [contractor(commands(CAMGATE_ZONE="Europe/Berlin", TZ=tz),
                       "2026-07-01T06:30:00Z")
            for tz in ("UTC", "Asia/Tokyo", "Europe/Berln", "", "America/New_York")]
    assert said[0]["verdict"] == "allow"
    assert said[0]["local_time"] == "2026-07-01T08:30:00+02:00"
    assert all(one == said[0] for one in said)


def test_the_gap_and_the_repeat_of_a_night(commands, tmp_path):
    policies = shutil.copytree(SHIPPED, tmp_path / "night")
    (policies / "30-contractors.lua").write_text("""return { name = "night",
      decide = function(req)
        if req.time:between("02:00", "03:00") then return allow() end
      end }""")
    gate = commands(CAMGATE_ZONE="Europe/Berlin", CAMGATE_POLICIES=policies)
    shown = {"2026-03-29T00:59:59Z": ("deny", "2026-03-29T01:59:59+01:00"),
             "2026-03-29T01:00:00Z": ("deny", "2026-03-29T03:00:00+02:00"),
             "2026-10-25T00:00:00Z": ("allow", "2026-10-25T02:00:00+02:00"),
             "2026-10-25T01:59:59Z": ("allow", "2026-10-25T02:59:59+01:00"),
             "2026-10-25T02:00:00Z": ("deny", "2026-10-25T03:00:00+01:00"),
             "2099-10-25T00:30:00Z": ("allow", "2099-10-25T02:30:00+02:00")}
    for at, (verdict, local) in shown.items():
        said = contractor(gate, at)
        assert (said["verdict"], said["local_time"]) == (verdict, local), at


def test_an_answer_until_six_ends_at_six_in_a_short_and_in_a_long_night(
        commands, tmp_path):
    policies = shutil.copytree(SHIPPED, tmp_path / "night")
    (policies / "30-contractors.lua").write_text("""return { name = "night",
      decide = function(req)
        return allow { ttl = req.time:seconds_until("06:00") }
      end }""")
    gate = commands(CAMGATE_ZONE="Europe/Berlin", CAMGATE_POLICIES=policies)
    nights = {"2026-11-23T22:00:00Z": 7, "2026-03-28T22:00:00Z": 6,
              "2026-10-24T21:00:00Z": 8}
    for eleven, hours in nights.items():
        said = contractor(gate, eleven)
        assert (said["verdict"], said["ttl_s"]) == ("allow", hours * 3600), eleven


# ---- a running gate

def test_status_shows_the_zone_and_sites_have_their_own(new_gate, tmp_path):
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "hours.lua").write_text(HOURS)
    cameras = {"cameras": [{"id": "here", "site": "north"},
                           {"id": "there", "site": "harbor-north"},
                           {"id": "nowhere"}]}
    (tmp_path / "cameras.json").write_text(json.dumps(cameras))
    gate = new_gate(policies=policies, cameras=tmp_path / "cameras.json",
                    CAMGATE_ZONE="Pacific/Kiritimati", TZ="Europe/Rome",
                    config=configured(
                        tmp_path, '["harbor-north"] = { zone = "Pacific/Pago_Pago" }'))
    told = status(gate)
    assert told["zone"] == "Pacific/Kiritimati"
    shows_now(told["local_time"], told["zone"])
    site, = told["sites"]
    assert (site["site"], site["zone"]) == ("harbor-north", "Pacific/Pago_Pago")
    shows_now(site["local_time"], site["zone"])
    zones = {"here": "Pacific/Kiritimati", "nowhere": "Pacific/Kiritimati",
             "there": "Pacific/Pago_Pago"}
    admin = gate.client(roles=["admin"])
    for camera, zone in zones.items():
        said = admin.explain(camera).json()
        assert said["zone"] == zone
        shows_now(said["local_time"], zone)
        reason = problem(admin.reserve(camera), 403)["reason"]
        here = datetime.now(ZoneInfo(zone))
        assert reason in (said["reason"], f"{here:%Y-%m-%d} {here.hour} "
                                          f"{here.isoweekday()}")


def test_a_file_that_cannot_be_read_is_told_as_such(commands, own_zones):
    (own_zones / "Loop").symlink_to(own_zones / "Loop")
    os.mkfifo(own_zones / "Pipe")
    (own_zones / "Huge").write_bytes(b"TZif2" + bytes(300 * 1024))
    (own_zones / "Empty").touch()
    for name, words in {"Loop": "Too many levels of symbolic links",
                        "Pipe": "not a regular file", "Huge": "at most 256 KiB",
                        "Empty": "not a time zone file", "Town/Hall": "no time zone",
                        }.items():
        done = commands(TZDIR=own_zones, CAMGATE_ZONE=name).cli("check", check=False)
        assert done.returncode == 2 and words in done.stderr, (name, done.stderr)


@pytest.fixture
def own_zones(tmp_path):
    """A folder of zones where Town is in Rome, and is in New York after an update."""
    folder = tmp_path / "zoneinfo"
    folder.mkdir()
    shutil.copy(FOLDER / "Europe/Rome", folder / "Town")
    return folder


def test_a_reload_reads_the_zones_again_or_keeps_the_old(new_gate, own_zones):
    gate = new_gate(TZDIR=own_zones, CAMGATE_ZONE="Town", workers=3)
    alice = gate.client()
    shows_now(status(gate)["local_time"], "Europe/Rome")
    town = own_zones / "Town"

    # an update of the database
    shutil.copy(FOLDER / "America/New_York", town)
    shows_now(status(gate)["local_time"], "Europe/Rome")
    assert reload(gate).ok
    shows_now(status(gate)["local_time"], "America/New_York")
    for n in range(12):
        said = gate.client(f"user{n}").explain("lobby-1").json()
        shows_now(said["local_time"], "America/New_York")

    # a broken one, and one that is gone: the old zone stays
    town.write_bytes((FOLDER / "Asia/Tokyo").read_bytes()[:-5])
    refused = problem(reload(gate), 422)
    assert "policies" in refused["detail"] and "is broken" in refused["detail"]
    town.unlink()
    assert "is no time zone" in problem(reload(gate), 422)["detail"]
    assert "is no time zone" in status(gate)["last_reload_error"]
    shows_now(status(gate)["local_time"], "America/New_York")
    shows_now(alice.explain("lobby-1").json()["local_time"], "America/New_York")
    assert alice.reserve("lobby-1").status_code == 201

    shutil.copy(FOLDER / "Asia/Tokyo", town)
    assert reload(gate).ok
    shows_now(status(gate)["local_time"], "Asia/Tokyo")
    until(lambda: [line["zone"] for line in gate.logged()
                   if line["msg"] in ("serving", "reloaded")] == ["Town"] * 3,
          "the start and two reloads name the zone")
    kinds = [row["outcome"] for row in
             gate.rows("SELECT outcome FROM trail WHERE kind = 'reload' ORDER BY seq")]
    assert kinds == ["allow", "error", "error", "allow"]


class Elsewhere(Gate):
    """A gate in a mount namespace whose /etc is a folder of the test's."""

    def start(self):
        return self.spawn("unshare", "-m", "sh", "-c",
                          'mount --bind "$0" /etc && exec "$@"', self.folder / "etc",
                          BINARY, "run", "-c", self.config, env=self.environment())

    def environment(self):
        return {name: value for name, value in super().environment().items()
                if name != "TZ"}


def test_a_reload_looks_up_the_systems_zone_again(started, tmp_path):
    gate = Elsewhere(tmp_path / "gate")
    system = gate.folder / "etc/localtime"
    system.parent.mkdir()
    system.symlink_to(FOLDER / "Asia/Kolkata")
    started(gate)
    assert status(gate)["zone"] == "Asia/Kolkata"
    system.unlink()
    system.symlink_to(FOLDER / "America/Denver")
    assert status(gate)["zone"] == "Asia/Kolkata"
    assert reload(gate).ok
    told = status(gate)
    assert told["zone"] == "America/Denver"
    shows_now(told["local_time"], "America/Denver")
    system.unlink()
    system.symlink_to(FOLDER / "America/Denvr")
    assert "America/Denver" in problem(reload(gate), 422)["detail"]
    assert status(gate)["zone"] == "America/Denver"
