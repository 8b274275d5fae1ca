"""The answers: three that everybody may read, and one for agents alone."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.model import JsonObject

_PUBLIC = {
    "Gift cards": "<p>Gift cards never expire.</p>",
    "International shipping delays": "<p>Customs can add up to ten working days abroad.</p>",
    "Returns": "<p>Return anything within 30 days.</p>",
}
_INTERNAL = "Identity checks"
_UPDATED = "2026-08-01T08:00:00.000Z"


def answers(id_of: Ids) -> Table:
    """The records, without their content."""
    audience = {"Gift cards": ["everybody", "vip"]}
    return by_id(
        {
            "id": id_of(f"answer/{name}"),
            "name": name,
            "description": f"What we say about {name.lower()}",
            "audienceIds": [
                id_of(f"audience/{label}") for label in audience.get(name, ["everybody"])
            ],
            "createdAt": "2025-02-01T08:00:00.000Z",
            "updatedAt": _UPDATED,
        }
        for name in (*_PUBLIC, _INTERNAL)
    )


def contents(id_of: Ids) -> Table:
    """What the answers say; one of them in two languages."""
    rows = [_content(id_of, name, text) for name, text in _PUBLIC.items()]
    spanish = "<p>Las tarjetas de regalo no caducan.</p>"
    rows.append(_content(id_of, "Gift cards", spanish, language="es-419"))
    check = "<p>Ask for the security PIN before you change an address.</p>"
    rows.append(_content(id_of, _INTERNAL, check, kind="reference"))
    return by_id(rows)


def help_centers(id_of: Ids) -> Table:
    """The one help centre. The answer that it shows cannot be deleted."""
    main = {
        "id": id_of("help-center/main"),
        "name": "Main",
        "section": "Shipping",
        "sectionId": id_of("section/shipping"),
        "answerIds": [id_of("answer/International shipping delays")],
    }
    return by_id([main])


def uses(id_of: Ids) -> dict[str, str]:
    """What else uses an answer, in Gladly's words."""
    return {id_of(f"answer/{_INTERNAL}"): "rules"}


def _content(
    id_of: Ids, name: str, text: str, *, language: str = "en-us", kind: str = "public"
) -> JsonObject:
    return {
        "id": id_of(f"content/{name}/{language}/{kind}"),
        "answerId": id_of(f"answer/{name}"),
        "language": language,
        "type": kind,
        "bodyHtml": text,
        "title": name,
    }
