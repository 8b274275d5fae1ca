"""Whether an e-mail address and a token open a Gladly: asked once, answered in one clear line."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from sidecar.errors import SidecarError
from sidecar.gladly.client import Answer, Client, UnreachableError
from sidecar.gladly.passthrough import TOO_MANY
from sidecar.model import JsonObject

_REFUSED: Final = {
    401: (
        "does not accept this e-mail address with this token: in Gladly, an agent with the "
        "permission API User makes one under Settings, API tokens"
    ),
    403: "knows the token, but its agent lacks the permission API User: have it granted",
    404: "has no API there: check the organisation's name",
    TOO_MANY: "is at its rate limit: try again in a second",
}


async def organization(client: Client, url: str) -> JsonObject:
    """Gladly's record of the organisation.

    Raises:
        SidecarError: in one line, what stands in the way and what to do; never the token.
    """
    host = urlsplit(url).hostname or url
    try:
        answer = await client.call("GET", "/organization")
    except UnreachableError as failure:
        raise SidecarError(f"{failure} ({host}): {failure.remedy}") from None
    if answer.errors:
        why = _REFUSED.get(answer.status, f"answered {answer.status}: try again later")
        raise SidecarError(f"Gladly at {host} {why}")
    return _record(answer, host)


def _record(answer: Answer, host: str) -> JsonObject:
    try:
        record = json.loads(answer.body)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise SidecarError(f"{host} does not answer as Gladly does: check the organisation's name")
    return record
