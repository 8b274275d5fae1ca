"""The payloads of a result as they came, unmasked: to be read for whose data it is, never shown."""

from __future__ import annotations

from typing import Any

from sidecar.model import JsonObject
from sidecar.redaction import bypath, embedded, leaves
from sidecar.redaction.worker import Deadline


def payloads(result: JsonObject, deadline: Deadline) -> tuple[Any, ...]:
    """Each object and list in which masking by path looks for records.

    `structuredContent`, and of every text block and embedded text resource the JSON that it is, or
    that stands in it: after words, between fences, one record a line, or quoted.

    Raises:
        BackendFailed: with reason `unscannable`, for a record in words that is nested too deeply.
        Late: the deadline has passed.
    """
    found: list[Any] = []

    def see(record: Any) -> bool:
        deadline.check()
        found.append(record)
        return False

    root = result.get("structuredContent")
    if isinstance(root, (dict, list)):
        found.append(root)
    for holder, _ in bypath.payload_texts(result):
        inner = leaves.parsed(holder["text"])
        if isinstance(inner, (dict, list)):
            see(inner)
        else:
            embedded.masked(holder["text"], see)
    return tuple(found)
