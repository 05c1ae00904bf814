"""What scripts/demo runs once everything is built: a gate with the shipped configuration,
and a livekit-server beside it when there is one.  All on loopback, on free ports."""
import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("CAMGATE_PRESET", "release")

import servers  # noqa: E402
import webrtc  # noqa: E402
from gate import BINARY, Client, Gate  # noqa: E402

ETC = servers.ROOT / "etc"


def say(*words):
    print("demo:", *words, file=sys.stderr)


def site():
    return json.loads((ETC / "cameras.json").read_text())["cameras"][0].get("site", "")


def user_token(gate):
    return gate.cli("token", "--sub", "alice", "--role", "operator", "--site",
                    site()).stdout.strip()


def first_camera(client):
    cameras = client.call("GET", "/api/v1/cameras").json()["cameras"]
    if not cameras:
        raise AssertionError("alice may watch no camera")
    return cameras[0]["id"]


async def watched(livekit, grant):
    async with webrtc.camera(livekit, grant["room"]):
        return await webrtc.watch(grant["livekit_url"], grant["token"])


def smoke(gate, livekit):
    """One grant, used; its JSON is all that goes to stdout."""
    client = Client(gate, user_token(gate))
    grant = client.grant(first_camera(client))
    if livekit:
        width, height = asyncio.run(watched(livekit, grant))
        say(f"a client joined {grant['room']} with the token and received "
            f"{width}x{height}")
    else:
        say("left out: no Go toolchain, so no livekit-server; the token was not used")
    if client.release(grant["lease_id"]).status_code != 204:
        raise AssertionError("the lease could not be released")
    print(json.dumps(grant, indent=2))


def guide(gate, livekit, folder):
    token = user_token(gate)
    camera = first_camera(Client(gate, token))
    env = "".join(f"export {k}={shlex.quote(str(v))}\n" for k, v in gate.vars.items())
    env += f"export TOKEN={token}\n"
    (folder / "env").touch(mode=0o600)
    (folder / "env").write_text(env)
    camgate = f"{os.path.relpath(BINARY)} "
    sfu = livekit.ws if livekit else "none (no Go toolchain)"
    print(f"""
camgate {gate.url}   admin {gate.admin}   SFU {sfu}

In another shell, from here:

  . {os.path.relpath(folder / 'env')}
  curl -s {gate.url}/api/v1/cameras -H "Authorization: Bearer $TOKEN"
  curl -s {gate.url}/api/v1/stream/reserve -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"camera_id": "{camera}"}}'
  curl -s {gate.url}/api/v1/stream/leases -H "Authorization: Bearer $TOKEN"
  curl -si -X DELETE {gate.url}/api/v1/stream/release/LEASE_ID \\
    -H "Authorization: Bearer $TOKEN"

Change who may watch: edit a file of {os.path.relpath(folder / 'policies')}, then

  curl -si -X POST {gate.admin}/reload -d ''

and see what was decided:

  {camgate}audit query -c etc/camgate.lua
  sqlite3 {os.path.relpath(gate.state)}/audit.db \\
    'SELECT time, subject, camera, outcome, reason FROM decisions'

Ctrl-C ends it all.""", flush=True)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    just_smoke = sys.argv[1:] == ["--smoke"]
    signal.signal(signal.SIGTERM, interrupted)
    folder = Path(tempfile.mkdtemp(prefix="camgate-demo-")) if just_smoke \
        else servers.ROOT / "build/demo"
    shutil.rmtree(folder / "policies", ignore_errors=True)
    policies = shutil.copytree(servers.ROOT / "policies", folder / "policies")
    livekit = servers.LiveKit(folder / "livekit") if servers.find("livekit-server") \
        else None
    gate = Gate(folder / "gate", policies=policies, cameras=ETC / "cameras.json",
                **(livekit.env() if livekit else {}))
    if livekit:
        livekit.webhook = gate.url + "/webhook/livekit"
    with contextlib.ExitStack() as running:
        if just_smoke:
            running.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            for server in filter(None, (livekit, gate)):
                say(f"starting {server.name}")
                running.callback(server.stop)
                server.start()
            if just_smoke:
                smoke(gate, livekit)
                return 0
            guide(gate, livekit, folder)
            gate.child.wait()
            say(f"camgate ended:\n{gate.tail()}")
        except KeyboardInterrupt:
            return 130 if just_smoke else 0
        except AssertionError as error:
            say(error)
        return 1


sys.exit(main())
