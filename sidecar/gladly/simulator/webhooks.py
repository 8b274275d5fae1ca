"""Gladly's webhooks: where it sends its events. Here nothing is sent, not even the first PING."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, created, invalid, listed, nothing
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

WEBHOOKS_CAP = 20
_FIELDS = ("name", "events", "url", "credentials", "headers", "enabled")
_EVENT = re.compile(r"[A-Z_]+/[A-Z_]+")
_DEAF = ".invalid"
"""Hosts of this top-level domain (RFC 2606) answer no PING; all others are taken to answer."""


def list_webhooks(call: Call) -> Response:
    """Every webhook, with its credentials and header values."""
    return JSONResponse(call.world.where("webhooks"))


def get_webhook(call: Call) -> Response:
    """One webhook."""
    webhook = call.world.get("webhooks", call.ids["webhook"])
    return JSONResponse(webhook) if webhook else nothing()


def create_webhook(call: Call) -> Response:
    """201 with a Location; disabled unless it is asked for and answers. At most 20.

    Gladly documents neither the error for the 21st nor the one for a URL that is taken.
    """
    if not call.body.get("url") or not call.body.get("events"):
        return blank()
    if refusal := checks.chosen_id(call) or _refusal(call, call.body):
        return refusal
    if len(call.world.tables["webhooks"]) >= WEBHOOKS_CAP:
        detail = f"an organization can have at most {WEBHOOKS_CAP} webhooks"
        return listed(400, "", "invalid_state", detail)
    if call.world.get("webhooks", call.body.get("id")):
        return listed(400, "id", "taken", "webhook already exists")
    made = {"id": checks.new_id(call), "enabled": False, "createdAt": call.timestamp}
    _put(call, made | checks.picked(call.body, _FIELDS))
    return created(f"/webhooks/{made['id']}")


def update_webhook(call: Call) -> Response:
    """204. Gladly declares no body for its 400 and 404, and so there is none."""
    webhook = call.world.get("webhooks", call.ids["webhook"])
    if webhook is None:
        return nothing()
    changes = checks.picked(call.body, _FIELDS)
    if not changes or _refusal(call, changes, webhook):
        return nothing(400)
    _put(call, webhook | changes)
    return nothing(204)


def delete_webhook(call: Call) -> Response:
    """204; an enabled webhook has to be disabled first: 400 without a body."""
    webhook = call.world.get("webhooks", call.ids["webhook"])
    if webhook is None:
        return nothing()
    if webhook["enabled"]:
        return nothing(400)
    call.world.drop("webhooks", webhook["id"])
    return nothing(204)


def _put(call: Call, webhook: JsonObject) -> None:
    derived = {
        "hasCredentials": bool(webhook.get("credentials")),
        "headerKeys": sorted(webhook.get("headers") or {}),
        "updatedAt": call.timestamp,
    }
    call.world.put("webhooks", webhook | derived)


def _refusal(call: Call, fields: JsonObject, webhook: JsonObject | None = None) -> Response | None:
    old = webhook or {"enabled": False, "id": ""}
    wrong = (
        checks.text(fields, "name", 200)
        or checks.flag(fields, "enabled")
        or _events_refusal(fields)
        or _secrets_refusal(fields)
    )
    if wrong or "url" not in fields:
        return wrong or _ping(fields.get("enabled", False), old.get("url", ""))
    url = fields["url"]
    if not isinstance(url, str) or not _host(url):
        return invalid("url", "url must begin with https://")
    if any(other["id"] != old["id"] for other in call.world.where("webhooks", url=url)):
        return listed(400, "url", "taken", "another webhook already has this url")
    return _ping(fields.get("enabled", old["enabled"]), url)


def _ping(is_enabled: object, url: str) -> Response | None:
    """Who enables a webhook or moves an enabled one has to answer a PING with 2xx."""
    if is_enabled and (_host(url) or "").endswith(_DEAF):
        return invalid("url", "url did not answer the PING event")
    return None


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme == "https" else None


def _events_refusal(fields: JsonObject) -> Response | None:
    events = fields.get("events")
    if events is None:
        return None
    if not isinstance(events, list) or not events:
        return blank("events")
    if all(isinstance(event, str) and _EVENT.fullmatch(event) for event in events):
        return None
    return invalid("events", "events are named like CONVERSATION/CLOSED")


def _secrets_refusal(fields: JsonObject) -> Response | None:
    credentials, headers = fields.get("credentials"), fields.get("headers")
    if credentials is not None:
        needed = ("username", "password")
        if not isinstance(credentials, dict) or not all(credentials.get(k) for k in needed):
            return blank("credentials")
    if headers is None or isinstance(headers, dict):
        return None
    return invalid("headers", "headers is not an object")
