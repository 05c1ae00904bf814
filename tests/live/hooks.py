"""Webhooks as LiveKit sends them, from a test: signed with the gate's API key."""
import base64
import hashlib
import itertools
import json
import time

import jwt
import requests

KEY, SECRET = "APIhook", "h" * 40
ENV = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
numbers = itertools.count(1)


def event(name, room, room_sid=None, lease=None, sid=None, at=None, **more):
    body = {"event": name, "id": f"EV_{next(numbers)}",
            "createdAt": str(int(time.time()) if at is None else at),
            "room": {"name": room} | ({"sid": room_sid} if room_sid else {})}
    if lease:
        body["participant"] = {"sid": sid, "identity": lease}
    return body | more


def joined(grant, sid, room_sid="RM_1", **more):
    return event("participant_joined", grant["room"], room_sid, grant["lease_id"], sid,
                 **more)


def left(grant, sid, room_sid="RM_1", **more):
    return event("participant_left", grant["room"], room_sid, grant["lease_id"], sid,
                 **more)


def finished(grant, room_sid="RM_1", **more):
    return event("room_finished", grant["room"], room_sid, **more)


def post(gate, body, key=KEY, secret=SECRET, timeout=10):
    """The status that the gate answers."""
    raw = json.dumps(body).encode()
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    token = jwt.encode({"iss": key, "exp": int(time.time()) + 300, "sha256": digest},
                       secret, algorithm="HS256")
    return requests.post(gate.url + "/webhook/livekit", data=raw, timeout=timeout,
                         headers={"Authorization": token,
                                  "Content-Type": "application/webhook+json"}).status_code


def send(gate, *bodies):
    """Each must be kept."""
    for body in bodies:
        status = post(gate, body)
        assert status == 200, f"{status} for {body}"
