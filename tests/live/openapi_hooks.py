"""What schemathesis cannot read in the document; loaded by it for test_openapi.py."""
import base64
import datetime
import hashlib
import itertools
import os
import time

import jwt
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

# TimeAsked: from 1970 on.
TIMES = st.datetimes(min_value=datetime.datetime(1970, 1, 2),
                     max_value=datetime.datetime(9999, 12, 30))
schemathesis.openapi.format("date-time", TIMES.map(lambda time: time.isoformat() + "Z"))

_number = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key means one request, so each gets its own; GET and DELETE have no body."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) < 100:
        case.headers["Idempotency-Key"] = f"{key}-{next(_number)}"
    if case.method.upper() in ("GET", "HEAD", "DELETE"):
        case.body = NOT_SET


class Bearer(requests.auth.AuthBase):
    """A user's token."""

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {os.environ['CAMGATE_TOKEN']}"
        return request


class LiveKit(requests.auth.AuthBase):
    """Signs a webhook as LiveKit does."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        claims = {"iss": os.environ["LIVEKIT_WEBHOOK_KEY"], "exp": int(time.time()) + 300,
                  "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}
        token = jwt.encode(claims, os.environ["LIVEKIT_API_SECRET"], algorithm="HS256")
        request.headers["Authorization"] = token
        return request


if "CAMGATE_TOKEN" in os.environ:
    HOOK = "/webhook/livekit"
    schemathesis.auth.set_from_requests(Bearer()).skip_for(path=[HOOK, "/openapi.yaml"])
    schemathesis.auth.set_from_requests(LiveKit()).apply_to(path=HOOK)
