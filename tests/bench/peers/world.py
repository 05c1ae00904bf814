"""What all peers are given: cameras, users with tokens, policies, the table of verdicts,
and the requests of the load."""
import base64
import json
import shutil
import time
from pathlib import Path

import jwt

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
CAMERAS, SITES, USERS, STREAMS, LEASE_S = 500, 250, 4000, 16, 5
ALWAYS = """-- Open at all hours: no verdict depends on when it is asked for.
return {
  office = function(time) return time.weekday <= 7 and time.hour < 24 end,
}
"""


def camera(n):
    level = {1: 0, 4: 2, 7: 3}.get(n % 10, 1)
    return {"id": f"cam-{n}", "site": f"site-{n % SITES}",
            "tags": ["street"] if n % 10 else ["lobby"],
            "level": 2 if n % 50 == 0 else level}


class World:
    """A folder that holds cameras.json and policies/; the secret that signs tokens."""

    def __init__(self, folder, secret):
        self.folder, self.secret = Path(folder), secret
        self.cameras = self.folder / "cameras.json"
        self.policies = self.folder / "policies"
        self.cameras.write_text(json.dumps(
            {"cameras": [camera(n) for n in range(CAMERAS)]}))
        shutil.copytree(ROOT / "policies", self.policies)
        (self.policies / "lib/hours.lua").write_text(ALWAYS)

    def token(self, sub, roles=(), sites=(), fault=None, **claims):
        """fault: one of FAULTS, or None for a token that holds."""
        body = {"sub": sub, "name": sub.title(), "roles": list(roles),
                "sites": list(sites), "exp": int(time.time()) + 7200} | claims
        return FAULTS[fault](body, self.secret)

    def table(self):
        """(row, token, body) of each request of verdicts.json."""
        rows = json.loads((HERE / "verdicts.json").read_text())["requests"]
        for n, row in enumerate(rows):
            token = self.token(f"row-{n}", row["roles"], row.get("sites", ()),
                               row.get("token"), **row.get("claims", {}))
            body = {"camera_id": row["camera"], "quality": row.get("quality")}
            yield row, token, {name: value for name, value in body.items()
                               if value is not None}


def signed(body, key, algorithm="HS256"):
    return jwt.encode(body, key, algorithm=algorithm)


def without(name):
    return lambda body, key: signed({k: v for k, v in body.items() if k != name}, key)


def changed(body, key):
    head, _, mark = signed(body, key).split(".")
    text = json.dumps(body | {"roles": ["admin"]}).encode()
    return f"{head}.{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{mark}"


FAULTS = {
    None: signed,
    "none": lambda body, key: "",
    "garbage": lambda body, key: "not.a.token",
    "expired": lambda body, key: signed(body | {"exp": int(time.time()) - 600}, key),
    "early": lambda body, key: signed(body | {"nbf": int(time.time()) + 600}, key),
    "endless": without("exp"),
    "nobody": without("sub"),
    "wrong key": lambda body, key: signed(body, key[::-1]),
    "unsigned": lambda body, key: jwt.encode(body, None, algorithm="none"),
    "HS384": lambda body, key: signed(body, key, "HS384"),
    "changed": changed,
}


# ---- the load

def mixed(n):
    """(roles, sites, claims, cameras) of user n: eight of ten at their own sites."""
    own = n % CAMERAS
    sites = [f"site-{own % SITES}", f"site-{(own + 1) % SITES}"]
    lobby, clearance = own // 10 * 10, {"clearance": n % 4} if n % 3 else {}
    kind = n % 10
    if kind == 8:
        return ["admin"], sites, clearance, [own, n * 7 % CAMERAS]
    if kind == 9:
        return [("display", "contractor")[n // 10 % 2]], [], {}, [lobby, own]
    return [("operator", "guard")[kind // 5]], sites, clearance, \
        [own, (own + 1) % CAMERAS, own, n * 31 % CAMERAS]


def explains(world):
    """(token, body): users of all roles, most at their own cameras, some refused."""
    for n in range(USERS):
        roles, sites, claims, cameras = mixed(n)
        token = world.token(f"user-{n}", roles, sites, **claims)
        for at, number in enumerate(cameras):
            wish = {"quality": ("low", "medium", "high")[n % 3]} if at % 2 else {}
            yield token, wish | {"camera_id": f"cam-{number}"}


def reserves(world):
    """(token, body): administrators, whose limits leave room for every one."""
    tokens = [world.token(f"admin-{n}", ["admin"], ["site-1"]) for n in range(USERS)]
    for stream in range(STREAMS):
        for user, token in enumerate(tokens):
            yield token, {"quality": "low", "ttl_s": LEASE_S,
                          "camera_id": f"cam-{(user * 7 + stream * 31) % CAMERAS}"}


def write_load(path, requests):
    """A file for load.lua.  The users' order is the same for all."""
    path.write_text("".join(f"{token}\t{json.dumps(body)}\n" for token, body in requests))
    return path
