"""Gladly's tokens that vouch for a customer in its chat. Whoever holds one is that customer."""

from __future__ import annotations

import base64
import json

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import contacts
from sidecar.gladly.simulator.answers import blank, invalid
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

_READERS = {"EMAIL": contacts.email, "MOBILE_PHONE_NUMBER": contacts.number}


def create_token(call: Call) -> Response:
    """200 with a token that only looks like one: its algorithm is none, and it is not signed.

    What Gladly puts into its token is not documented.
    """
    kind, identity = call.body.get("identityType"), call.body.get("identity")
    if not kind or not identity:
        return blank()
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return invalid("identityType", "identityType must be one of EMAIL, MOBILE_PHONE_NUMBER")
    value = read(identity)
    if value is None:
        return invalid("identity", "identity is invalid")
    claims = {
        "iss": call.world.organization["id"],
        "identityType": kind,
        "identity": value,
        "iat": int(call.now.timestamp()),
    }
    parts = (_part({"alg": "none", "typ": "JWT"}), _part(claims), "simulated-not-signed")
    return JSONResponse({"token": ".".join(parts)})


def _part(value: JsonObject) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
