"""The files of etc/ are what the servers they belong to accept."""
import re
import secrets
import subprocess

import pytest
import yaml

import ports
import servers
from conftest import needs
from gate import Gate
from servers import ROOT

ETC = ROOT / "etc"
SEED_NAMES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET",
              "LIVEKIT_WEBHOOK_KEY", "TURN_DOMAIN", "TURN_USER", "TURN_PASSWORD",
              "TURN_PORT", "TURN_TLS_PORT")
DENIED = ("::ffff:0:0", "64:ff9b::", "2002::", "fc00::", "fe80::", "10.0.0.0",
          "127.0.0.0", "169.254.0.0", "172.16.0.0", "192.168.0.0")


def with_options(folder, **plugins):
    """The shipped configuration with options of plugins laid over it."""
    lines = [f"  if plugin[1] == '{plugin}' then plugin.{name} = {value!r} end"
             for plugin, options in plugins.items() for name, value in options.items()]
    path = folder / "camgate.lua"
    path.write_text("local conf = (function()\n" + (ETC / "camgate.lua").read_text()
                    + "\nend)()\nfor _, plugin in ipairs(conf.plugins) do\n"
                    + "\n".join(lines) + "\nend\nreturn conf\n")
    return path


class StackLiveKit(servers.LiveKit):
    """etc/livekit.yaml with only its ports and its Valkey moved."""

    def __init__(self, folder, valkey):
        super().__init__(folder)
        self.valkey = valkey

    def config(self):
        conf = yaml.safe_load((ETC / "livekit.yaml").read_text())
        conf["port"], conf["bind_addresses"] = self.port, ["127.0.0.1"]
        conf["rtc"] |= {"tcp_port": self.tcp, "port_range_start": self.udp,
                        "port_range_end": self.udp + 39}
        conf["redis"]["address"] = f"127.0.0.1:{self.valkey.port}"
        conf["prometheus"]["port"] = ports.take()
        conf["keys"] = {self.key: self.secret,
                        conf["webhook"]["api_key"]: secrets.token_hex(24)}
        return yaml.safe_dump(conf)


def test_livekit_yaml_says_what_the_seed_asked():
    conf = yaml.safe_load((ETC / "livekit.yaml").read_text())
    assert conf["port"] == 7880 and conf["rtc"]["tcp_port"] == 7881
    assert (conf["rtc"]["port_range_start"], conf["rtc"]["port_range_end"]) == (50000,
                                                                                50500)
    assert conf["redis"]["db"] == 2 and conf["prometheus"]["port"] == 7882
    room = conf["room"]
    assert room["auto_create"] is False and room["max_participants"] == 100
    assert room["empty_timeout"] == room["departure_timeout"] == 60
    assert any(url.endswith("/webhook/livekit") for url in conf["webhook"]["urls"])


def test_livekit_loads_its_file(tmp_path, valkey, started):
    needs("livekit-server")
    livekit = started(StackLiveKit(tmp_path / "livekit", valkey))
    assert livekit.ready()


def test_coturn_loads_its_file_and_denies_private_peers(tmp_path, started):
    needs("turnserver")
    text = (ETC / "turnserver.conf").read_text()
    for needed in ("listening-port=3478", "tls-listening-port=5349", "use-auth-secret",
                   "min-port=50000", "max-port=50500"):
        assert re.search(rf"^{needed}$", text, re.M), needed
    for prefix in DENIED:
        assert re.search(rf"^denied-peer-ip={re.escape(prefix)}", text, re.M), prefix
    turn = servers.Turn(tmp_path / "turn")
    moved = {"listening-port": turn.port, "tls-listening-port": ports.take(),
             "min-port": turn.relay, "max-port": turn.relay + 39}
    for name, value in moved.items():
        text = re.sub(rf"^#?\s*{name}=.*$", f"{name}={value}", text, flags=re.M)
    text = re.sub(
        r"^(cert|pkey|log-file|pidfile|prometheus|cli-.*|listening-ip|relay-ip)\b.*$",
                  "", text, flags=re.M)
    path = tmp_path / "turn/turnserver.conf"
    path.write_text(text)

    def start():
        return turn.spawn(servers.find("turnserver"), "-c", path,
                          f"--static-auth-secret={turn.secret}",
                          "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--no-tls",
                          "--no-dtls", "--no-cli", "--log-file=stdout",
                          f"--pidfile={tmp_path}/turn.pid", f"--userdb={tmp_path}/turndb")

    turn.start = start
    started(turn)
    assert "ERROR" not in turn.tail(200), turn.tail(200)
    for peer in ("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254"):
        done = subprocess.run(
            [servers.find("turnutils_uclient"), "-p", str(turn.port), "-W", turn.secret,
             "-u", "x", "-e", peer, "-n", "1", "-m", "1", "-c", "127.0.0.1"],
            capture_output=True, text=True, timeout=60)
        assert "403" in done.stdout + done.stderr, f"{peer}: {done.stdout}{done.stderr}"


def test_env_example_has_the_seeds_names():
    text = (ETC / "env.example").read_text()
    names = set(re.findall(r"^#?\s*([A-Z][A-Z_]+)=", text, re.M))
    assert set(SEED_NAMES) <= names
    code = re.sub(r"--.*", "", (ETC / "camgate.lua").read_text())
    shipped = set(re.findall(r"""env\s*\(?\s*["']([A-Z_]+)""", code))
    assert shipped <= names, f"not in env.example: {shipped - names}"


def test_the_shipped_policies_cameras_and_configuration_make_a_grant(new_gate):
    gate = new_gate(policies=ROOT / "policies", cameras=ETC / "cameras.json")
    admin = gate.client("root", roles=["admin"])
    seen = admin.call("GET", "/api/v1/cameras").json()["cameras"]
    assert seen
    admin.grant(seen[0]["id"])
    inside = next(camera["id"] for camera in seen if "lobby" not in str(camera).lower())
    stranger = gate.client("nobody", roles=[], sites=[]).reserve(inside)
    assert stranger.status_code in (403, 404)
    gate.cli("check")


def test_an_unknown_key_is_refused_with_line_and_nearest_name(tmp_path):
    text = (ETC / "camgate.lua").read_text()
    start = text.index("return {") + len("return {")
    path = tmp_path / "camgate.lua"
    path.write_text(text[:start] + "\n  wrokers = 3,\n  polices = 'x'," + text[start:])
    gate = Gate(tmp_path / "gate", config=path)
    done = gate.cli("check", check=False)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    line = text[:start].count("\n") + 2
    assert re.search(rf"camgate\.lua:{line}\b", said) and "workers" in said, said
    assert re.search(rf"camgate\.lua:{line + 1}\b", said) and "policies" in said, said


@pytest.mark.parametrize("name", ["camgate.lua", "livekit.yaml", "turnserver.conf",
                                  "env.example"])
def test_no_file_ships_a_secret(name):
    text = (ETC / name).read_text()
    assert not re.search(r"(?i)(secret|password)\s*[=:]\s*[\"']?[A-Za-z0-9+/]{24,}", text)
