"""The payloads of a result as they came, unmasked: to be read for whose data it is, never shown."""

from __future__ import annotations

import contextlib
from typing import Any

from sidecar.errors import BackendFailed
from sidecar.model import JsonObject
from sidecar.redaction import bypath, embedded, leaves
from sidecar.redaction.worker import Deadline


def payloads(result: JsonObject, deadline: Deadline) -> tuple[Any, ...]:
    """Each object and list in which masking by path looks for records.

    `structuredContent`, and of every text block and embedded text resource the JSON that it is, or
    that stands in it: after words, between fences, one record a line, or quoted.

    Of a text in which one cannot be read, those before it: whether it may pass is masking's to say.

    Raises:
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
            with contextlib.suppress(BackendFailed):
                embedded.masked(holder["text"], see)
    return tuple(found)
