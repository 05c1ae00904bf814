"""A gate whose drivers go wrong when they are told to (tests/plugins/faulty)."""
import shutil

import requests

from gate import HERE, PRESET, Gate
from servers import ROOT

REAL = {"get": "cameras_file", "list": "cameras_file", "reload": "cameras_file",
        "usage": "quota_local", "reserve": "quota_local", "renew": "quota_local",
        "release": "quota_local",
        "ensure": "room_livekit", "token": "room_livekit", "remove": "room_livekit",
        "issue": "ice_turn", "append": "audit_sqlite", "query": "audit_sqlite"}
COUNTED = """return { name = "counted", doc = "Looks at the quota, and has no opinion.",
  match = { role = "counted" },
  decide = function(req) usage("user:" .. req.subject.id) end }"""


class Faulty(Gate):
    """A gate with the faulty twins of the shipped drivers."""

    def __init__(self, folder, **env):
        folder.mkdir()
        shutil.copytree(HERE / "policies", folder / "policies")
        (folder / "policies/40_counted.lua").write_text(COUNTED)
        shutil.copy(HERE / "cameras.json", folder / "cameras.json")
        config = folder / "faulty.lua"
        config.write_text(
            "local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text() +
            "\nend)()\n"
            "conf.deadlines_ms = { cameras = 250, quota = 250, room = 250, ice = 250,"
            " audit = 1000 }\n"
            f"conf.plugin_dir = '{ROOT}/build/{PRESET}/tests/faulty'\n"
            "for _, plugin in ipairs(conf.plugins) do plugin[1] = 'faulty_' .. plugin[1] "
            "end\n"
            "return conf\n")
        super().__init__(folder, config=config, policies=folder / "policies",
                         cameras=folder / "cameras.json", TURN_DOMAIN="turn.invalid",
                         TURN_SECRET="turn-secret", **env)

    def spoil(self, op, how, times=1):
        reply = requests.post(f"{self.url}/fault/{REAL[op]}", data=f"{op} {how} {times}",
                              timeout=5)
        assert reply.status_code == 204, reply.text

    def calls(self, op):
        text = requests.get(f"{self.url}/fault/{REAL[op]}", timeout=5).text
        return int(dict(line.split() for line in text.splitlines()).get(op, 0))

    def cap(self, camera, tag):
        """That camera's tags from now on."""
        path = self.folder / "cameras.json"
        text = path.read_text()
        head, tail = text.split(f'"id": "{camera}"', 1)
        before, after = tail.split("[", 1)
        rest = after.split("]", 1)[1]
        path.write_text(f'{head}"id": "{camera}"{before}["{tag}"]{rest}')
        assert requests.post(self.admin + "/reload", timeout=20).ok

    def kinds(self, lease):
        return [row["kind"] for row in
                self.rows("SELECT kind FROM trail WHERE lease_id = ? ORDER BY seq",
                          lease)]
