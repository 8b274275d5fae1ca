"""Pictures, sound and files inside results: base64 that nobody can scan, so it is withheld."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sidecar.redaction.leaves import Link


class Block(NamedTuple):
    """A content block `container[key]` that carries base64 as `holder[field]`."""

    container: Any
    key: Any
    link: Link
    holder: dict[str, Any]
    field: str


def blocks(result: Any, link: Link = None) -> Iterator[Block]:
    """Blocks with base64 in a tool's, prompt's, resource's or sampling result (MCP schema).

    A task holds the result of its call as a member, so that is looked into as well.
    """
    if not isinstance(result, dict):
        return
    for name in ("content", "contents"):
        if name in result:
            yield from _of(result, name, link)
    messages = result.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and "content" in message:
            yield from _of(message, "content", ((link, "messages"), index))
    if link is None:
        yield from blocks(result.get("result"), (None, "result"))


def _of(container: dict[str, Any], name: str, link: Link) -> Iterator[Block]:
    value = container[name]
    if isinstance(value, list):
        for index, block in enumerate(value):
            yield from _block(value, index, block, ((link, name), index))
    else:
        yield from _block(container, name, value, (link, name))


def _block(container: Any, key: Any, block: Any, link: Link) -> Iterator[Block]:
    if not isinstance(block, dict):
        return
    resource = block.get("resource")
    if isinstance(block.get("data"), str):
        yield Block(container, key, link, block, "data")
    elif isinstance(resource, dict) and isinstance(resource.get("blob"), str):
        yield Block(container, key, link, resource, "blob")
    elif isinstance(block.get("blob"), str):
        yield Block(container, key, link, block, "blob")


def withheld(block: Block) -> dict[str, Any]:
    """What stands in the block's place: a text block, or a text resource with the same URI."""
    if block.field == "blob" and block.container[block.key] is block.holder:
        return {"uri": block.holder.get("uri", ""), "text": "[MEDIA] This file was withheld."}
    kind = block.holder.get("type")
    what = kind if kind in ("image", "audio") else "file"
    return {"type": "text", "text": f"[MEDIA] This {what} was withheld."}
