"""What the audit log holds of provisioning: who changed what, and who was refused.

Never an endpoint's token nor its hash; text that a person chose goes through the scrubber.
"""

from __future__ import annotations

from typing import Final

from sidecar import audit, redaction
from sidecar.errors import Refusal
from sidecar.model import Caller, Event, JsonObject
from sidecar.provisioning.records import Stored, moment

_LONGEST: Final = 200
_VERBS: Final = frozenset({"GET", "POST", "PATCH", "DELETE"})


def change(what: str, one: Stored, caller: Caller | None = None, ip: str = "") -> Event:
    """The event that is durable before a change; without a caller it is the sidecar's own."""
    endpoint = one.endpoint
    data: JsonObject = {
        "what": what,
        "endpoint_id": endpoint.id,
        "endpoint": _safe(endpoint.name),
        "account": one.account,
        "methods": list(endpoint.methods),
        "tags": list(endpoint.tags),
        "require_api_token_auth": endpoint.require_api_token_auth,
    }
    if endpoint.expires_at is not None:
        data["expires_at"] = moment(endpoint.expires_at)
    return Event(audit.event_id(), "admin", actor=_actor(caller), src=_src(ip), data=data)


def taken_back(announced: Event, refusal: Refusal) -> Event:
    """The event that says that a change did not happen after all."""
    data = {
        "what": "endpoint_unchanged",
        "endpoint_id": announced.data["endpoint_id"],
        "cause": _safe(str(refusal)),
    }
    return Event(audit.event_id(), "admin", ref=announced.id, data=data)


def refused(verb: str, refusal: Refusal, caller: Caller | None, ip: str) -> Event:
    """The event of a request that was refused."""
    is_ours = refusal.status >= 500  # noqa: PLR2004 - HTTP's own line
    auth_error = {} if caller else {"auth_error": _safe(str(refusal))}
    data = {
        "what": "provisioning_refused",
        "verb": verb if verb in _VERBS else "OTHER",
        "reason": refusal.reason,
    }
    return Event(
        audit.event_id(),
        "admin",
        actor=_actor(caller or _known(refusal)) | auth_error,
        src=_src(ip),
        data=data,
        outcome={
            "status": "sidecar_error" if is_ours else "refused",
            "http": refusal.status,
        },
    )


def _known(refusal: Refusal) -> Caller | None:
    """Whose token it was, if it verified and lacked a scope."""
    found = refusal.caller
    return found if isinstance(found, Caller) and found.is_authenticated else None


def _actor(caller: Caller | None) -> JsonObject:
    if caller is None:
        return {}
    named = {
        "issuer": caller.issuer,
        "subject": _safe(caller.subject),
        "client": _safe(caller.client),
        "on_behalf_of": _safe(caller.on_behalf_of),
        "purpose": _safe(caller.purpose),
        "token_id": _safe(caller.token_id),
    }
    return {name: text for name, text in named.items() if text} | {"is_authenticated": True}


def _src(ip: str) -> JsonObject:
    return {"ip": ip} if ip else {}


def _safe(text: str) -> str:
    return redaction.scrub(text[:_LONGEST]) if text else ""
