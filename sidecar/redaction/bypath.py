"""The first pass: what the catalog or a rule names by its path, and blocks that nobody can scan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import orjson

from sidecar.errors import BackendFailed
from sidecar.model import Action, Finding, JsonObject
from sidecar.redaction import detect, embedded, leaves, marks, media
from sidecar.redaction.leaves import Link
from sidecar.redaction.rules import Rules
from sidecar.redaction.tally import Tally

_CONTACT = frozenset({"EMAIL", "PHONE"})
_DIGITS = 5
"""Fewest digits that make what stands in a contact field, and is no address, a number."""


class Payload(NamedTuple):
    """A payload that is parsed, with its named leaves: `structuredContent` or a text."""

    root: Any
    places: marks.Places
    is_record: bool = True
    """Whether the patterns speak of it; not of JSON in any other text."""


Payloads = dict[int, Payload]
"""By the id of the object that holds it. Valid until a member is renamed or a text written anew."""


def payload_texts(result: Any) -> Iterator[tuple[Any, Link]]:
    """Text blocks and embedded text resources, as (object with `text`, place of the text)."""
    content = result.get("content") if isinstance(result, dict) else None
    for index, block in enumerate(content if isinstance(content, list) else ()):
        link = ((None, "content"), index)
        if isinstance(block, dict):
            for holder, place in ((block, link), (block.get("resource"), (link, "resource"))):
                if isinstance(holder, dict) and isinstance(holder.get("text"), str):
                    yield holder, (place, "text")


def withhold_media(value: Any, tally: Tally) -> None:
    """Put a text block in the place of each block of base64, unless MEDIA is kept."""
    for block in list(media.blocks(value)):
        finding = Finding("MEDIA", leaves.pointer(block.link), len(block.holder[block.field]))
        if tally.rules.action("MEDIA") == "keep":
            tally.kept_by_path.append(finding)
        else:
            block.container[block.key] = media.withheld(block)
            tally.masked.append(finding)


def mask_paths(value: JsonObject, node: marks.Node, tally: Tally) -> Payloads:
    """Mask the marked leaves of `structuredContent` and of every text that is JSON, in place."""
    payloads: Payloads = {}
    root = value.get("structuredContent")
    if isinstance(root, (dict, list)):
        payloads[id(value)] = Payload(root, marks.places(root, node))
        for place in payloads[id(value)].places.values():
            _mask(place, "/structuredContent" + leaves.pointer(place.link), tally)
    for holder, link in payload_texts(value):
        inner = leaves.parsed(holder["text"])
        if isinstance(inner, (dict, list)):
            leaves.check_inner(inner, holder["text"], BackendFailed)
            payloads[id(holder)] = Payload(inner, marks.places(inner, node))
            pointer = leaves.pointer(link)
            for place in payloads[id(holder)].places.values():
                _mask(place, pointer, tally)
            # Always: a repeated key would otherwise pass with the value that was not parsed.
            holder["text"] = orjson.dumps(inner).decode()
        else:
            mask = partial(_mask_record, node=node, link=link, tally=tally)
            holder["text"] = embedded.masked(holder["text"], mask)
    return payloads


def _mask_record(root: Any, node: marks.Node, link: Link, tally: Tally) -> None:
    """Mask the marked leaves of a record in place."""
    tally.deadline.check()
    for place in marks.places(root, node).values():
        _mask(place, leaves.pointer(link), tally)


def _shown(rules: Rules, entity: str, action: Action, raw: str) -> str:
    """A text in the place of a text, so that an output schema still holds."""
    return "" if action == "drop" else rules.rendered(entity, action, raw)


def _kind(entity: str, raw: Any) -> str:
    """What a contact field holds: Gladly writes mail addresses and numbers into the same one."""
    if entity not in _CONTACT or not isinstance(raw, str):
        return entity
    if not raw.isascii() or "%" in raw:  # another script's signs, or encoded ones
        return next((s.entity for s in detect.detect(raw) if s.entity in _CONTACT), entity)
    if "@" in raw:
        return "EMAIL"
    return "PHONE" if sum(map(str.isdecimal, raw)) >= _DIGITS else entity


def _mask(place: marks.Place, pointer: str, tally: Tally) -> None:
    raw = place.container[place.key]
    if raw is None or raw == "" or (isinstance(raw, str) and detect.is_mask(raw)):
        return
    entity = _kind(place.mark.entity or "CUSTOM", raw)
    action = place.mark.action or tally.rules.action(entity)
    finding = Finding(entity, pointer, len(str(raw)))
    if action == "keep":
        if place.mark.entity:
            tally.kept_by_path.append(finding)
        return
    is_text = isinstance(raw, str)
    if is_text:
        tally.known.add(entity, action, raw)
    place.container[place.key] = _shown(tally.rules, entity, action, raw) if is_text else None
    tally.masked.append(finding)
