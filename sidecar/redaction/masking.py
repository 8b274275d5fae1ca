"""Mask what comes back: by the catalog's paths first, by content in all the rest, then once more.

Nothing that was passed in is changed. Strings stay strings. A number or boolean that is masked
becomes null: no other number would be honest, and whoever writes a record back is not to store
an invented one. A member is never taken out, so `required` of an output schema holds.

The looks at the content repeat until one finds nothing left to mask, at most three times: a mask
can bring a label and a number closer together. Whatever still verifies then blocks the result,
as does an address or card number in the final bytes that the walk over leaves missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sidecar.errors import BackendFailed
from sidecar.model import Finding, JsonObject, Mask, Tool
from sidecar.redaction import bypath, detect, leaves, marks, media, siblings
from sidecar.redaction.leaves import Leaf
from sidecar.redaction.payloads import payloads as payloads_of
from sidecar.redaction.pseudonyms import NONE, Pseudonyms
from sidecar.redaction.recogniser import Span
from sidecar.redaction.recognisers.token import LABEL
from sidecar.redaction.rules import Rules
from sidecar.redaction.tally import Tally, residual
from sidecar.redaction.worker import Deadline

_ROUNDS = 3
_OPAQUE = frozenset({"nextCursor", "requestState", "taskId"})
"""Members of a result that are handles of the backend's own: altered, they would not work."""
_TASK_ID = ((None, "task"), "taskId")
"""The same in the result that announces a task (MCP 2025-11-25)."""
_UNMARKED = marks.Mark()
_NO_MARKS = marks.Tree(None, None)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A value with its personal data masked, and what was seen in it.

    `findings` are what was masked and what a rule kept; their pointers lead into `value`, or to
    the string in which JSON was found. `masked` and `kept` count them by entity. `payloads` are
    what a call brought, unmasked, if its tool tells whose data that is, or if it is an error.
    """

    value: Any
    findings: tuple[Finding, ...] = ()
    masked: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    payloads: tuple[Any, ...] = field(default=(), repr=False, compare=False)


def redact(
    result: JsonObject, tool: Tool, masks: Sequence[Mask], pseudonyms: Pseudonyms = NONE
) -> Redacted:
    """Mask the result object of a `tools/call`.

    A pointer mask beats an entity mask, of several masks on one thing the strictest holds, and
    an entity that no mask names is masked.

    Yields to nobody: the road asks a `Redactor`. Its time is bounded. Past 10,000 candidates in one
    result nothing is verified any more: a leaf that may hold personal data is masked whole.
    Measured on one core: 0.25 s for 3000 customers in 515 KB with their names repeated in notes,
    0.4 s for 900 KB of telephone numbers, and 2.1 s at worst, for 4 MB of spelled-out digits.

    Raises:
        BackendFailed: with reason `unscannable` for what is larger than 4 MB, nested deeper than
            64 levels, has a string over 1 MB, more than 20,000 leaves to look at or as many
            names to look for, or is no JSON; with `redaction_residual` if masking left something.
    """
    data = leaves.dump(result, BackendFailed, leaves.MAX_RESULT)
    return redact_dumped(result, data, tool, masks, pseudonyms)


def redact_value(value: Any, masks: Sequence[Mask]) -> Redacted:
    """Mask any other JSON value by its content alone: an error, a notification, another result.

    Raises:
        BackendFailed: as `redact` does; the time is bounded in the same way.
    """
    return redact_dumped(value, leaves.dump(value, BackendFailed, leaves.MAX_RESULT), None, masks)


def redact_dumped(
    value: Any,
    data: bytes,
    tool: Tool | None,
    masks: Sequence[Mask],
    pseudonyms: Pseudonyms = NONE,
    deadline: Deadline | None = None,
) -> Redacted:
    """The same for a value that is serialised already; without a tool by content alone.

    Raises:
        BackendFailed: as `redact` does.
        Late: the deadline has passed.
    """
    rules = Rules.of(masks, pseudonyms)
    tree = marks.tree(tool.pii, tool.safe, rules.pointers) if tool is not None else None
    tally = Tally(rules, deadline or Deadline())
    is_read = tool is not None and (tool.subjects or value.get("isError") is True)
    brought = payloads_of(value, tally.deadline) if is_read else ()
    payloads: bypath.Payloads = {}
    named = tree.named if tree is not None else None
    is_owned = named is not None or next(media.blocks(value), None) is not None
    if is_owned:
        value = orjson.loads(data)
        bypath.withhold_media(value, tally)
        if named is not None:
            payloads = bypath.mask_paths(value, named, tally)
        data = orjson.dumps(value)
    value = _Content(tally, tree, payloads).masked(value, data, is_owned=is_owned)
    masked, kept = tally.counts()
    return Redacted(value, (*tally.masked, *tally.kept), masked, kept, brought)


class _Content:
    """The looks at the content of one result; what was parsed by path serves the first."""

    def __init__(self, tally: Tally, tree: marks.Tree | None, payloads: bypath.Payloads) -> None:
        self._tally = tally
        self._marks = tree or _NO_MARKS
        self._safe: bypath.Payloads = {}
        self._payloads = payloads
        self._holders: frozenset[int] = frozenset()
        self._seen: dict[tuple[str, str], list[Span]] = {}
        self._looked = 0

    def masked(self, value: Any, data: bytes, *, is_owned: bool) -> Any:
        """The value masked, itself if the gate sees nothing in its serialisation."""
        for _ in range(_ROUNDS + 1):
            bare = detect.unescaped(data)
            has_known = self._tally.known.is_in(bare)
            if not has_known and not detect.is_suspect(data, bare):
                return value
            if not is_owned:
                value, is_owned = orjson.loads(data), True
            holder = value if isinstance(value, (dict, list)) else [value]
            self._look(holder, None if holder is value else "")
            self._payloads = {}
            value = value if holder is value else holder[0]
            before, data = data, orjson.dumps(value)
            if data == before:
                self._tally.check_residual(data)
                return value
        raise residual()

    def _look(self, root: Any, fixed: str | None) -> None:
        self._tally.begin_round()
        self._looked = 0
        self._safe.clear()
        found = bypath.Payload(None, {}, is_record=False)
        if isinstance(root, dict):
            known = self._payloads.get(id(root))
            found = known or self._region(root.get("structuredContent"))
            self._holders = frozenset(id(holder) for holder, _ in bypath.payload_texts(root))
        for block in media.blocks(root):
            kept = marks.Mark(action="keep")
            place = marks.Place(block.holder, block.field, None, kept)
            found.places[id(block.holder), block.field] = place
        self._tree(leaves.collect(root), found, fixed)

    def _region(self, root: Any) -> bypath.Payload:
        return bypath.Payload(root, marks.places(root, self._marks.named))

    def _is_safe(self, region: bypath.Payload, at: tuple[int, Any]) -> bool:
        """Looked for when it is first asked: of most results it never is."""
        if not region.is_record:
            return False
        found = self._safe.get(id(region.root))
        if found is None:
            # Held together with its root, or its id could become another's.
            found = region._replace(places=marks.places(region.root, self._marks.safe))
            self._safe[id(region.root)] = found
        return at in found.places

    def _tree(self, found: list[Leaf], region: bypath.Payload, fixed: str | None) -> None:
        """Mask the leaves that are hit; keys last, for a renamed key is a lost place."""
        hits = leaves.suspects(found)
        if self._tally.known.is_live:
            hits |= {i for i, leaf in enumerate(found) if self._swept(leaf)}
        pieces = siblings.pieces(found)
        hits |= pieces.keys()
        self._looked += len(hits)
        leaves.check_hits(self._looked, BackendFailed)
        keys: list[tuple[Leaf, str]] = []
        for index in sorted(hits):
            leaf = found[index]
            self._tally.deadline.check()
            pointer = leaves.pointer(leaf.link) if fixed is None else fixed
            if leaf.is_key:
                keys.append((leaf, pointer))
                continue
            at = (id(leaf.container), leaf.key)
            mark = region.places[at].mark if at in region.places else _UNMARKED
            if _is_exempt(leaf, mark, fixed) or (
                marks.has_safe_shape(leaf.container[leaf.key]) and self._is_safe(region, at)
            ):
                self._tally.exempt.append(leaf.text)
            elif index in pieces:
                spans = [pieces[index], *self._detected(leaf.text, leaf.context)]
                leaf.container[leaf.key] = self._tally.text(leaf.text, spans, [], pointer, "")
            else:
                leaf.container[leaf.key] = self._leaf(leaf, mark, pointer)
        self._rename(keys)

    def _leaf(self, leaf: Leaf, mark: marks.Mark, pointer: str) -> Any:
        raw = leaf.container[leaf.key]
        if not isinstance(raw, str):
            return raw if self._text(leaf, mark, pointer) == leaf.text else None
        is_payload = leaf.key == "text" and id(leaf.container) in self._holders
        payload = self._payloads.get(id(leaf.container)) if is_payload else None
        if payload is not None:
            return self._inner(leaf, payload, pointer)
        inner = None if leaf.context == LABEL else leaves.parsed(raw)
        if inner is None:
            return self._text(leaf, mark, pointer)
        leaves.check_inner(inner, leaf.text, BackendFailed)
        region = self._region(inner) if is_payload else bypath.Payload(inner, {}, is_record=False)
        return self._inner(leaf, region, pointer)

    def _inner(self, leaf: Leaf, region: bypath.Payload, pointer: str) -> str:
        """JSON inside a string, written anew: whatever of it was not parsed is gone."""
        holder = [region.root]
        self._tree(leaves.collect(holder, leaf.link, leaf.context), region, pointer)
        return orjson.dumps(holder[0]).decode()

    def _rename(self, keys: list[tuple[Leaf, str]]) -> None:
        """Rename the keys that are hit, object by object, in place and in order."""
        renamed: dict[int, tuple[Any, dict[str, str]]] = {}
        for leaf, pointer in keys:
            new = self._text(leaf, _UNMARKED, pointer)
            if new != leaf.key:
                renamed.setdefault(id(leaf.container), (leaf.container, {}))[1][leaf.key] = new
        for container, names in renamed.values():
            members = leaves.object_of((names.get(k, k), v) for k, v in container.items())
            container.clear()
            container.update(members)

    def _text(self, leaf: Leaf, mark: marks.Mark, pointer: str) -> str:
        found = self._detected(leaf.text, leaf.context)
        return self._tally.text(leaf.text, found, self._swept(leaf), pointer, mark.entity)

    def _detected(self, text: str, context: str) -> list[Span]:
        """Looked at once: most results say the same twice, as an object and as its text."""
        found = self._seen.get((text, context))
        if found is None:
            found = self._seen[text, context] = detect.detect(text, context, self._tally.budget)
        return found

    def _swept(self, leaf: Leaf) -> list[Span]:
        """Values known from elsewhere in the result; not in our own masks.

        The name of a member may be a word that is somebody's name, too, so that one alone stays.
        """
        text = leaf.text
        if not self._tally.known.is_live or (leaf.key == "type" and not leaf.is_key):
            return []
        found = self._tally.known.spans(text)
        if found and leaf.is_key:
            found = [span for span in found if not text[span.start : span.end].isalpha()]
        if found and "[" in text:
            own = detect.masks(text)
            found = [s for s in found if not any(m.start <= s.start < m.end for m in own)]
        return found


def _is_exempt(leaf: Leaf, mark: marks.Mark, fixed: str | None) -> bool:
    is_top = fixed is None and leaf.link is not None and leaf.link[0] is None
    is_handle = (is_top and leaf.key in _OPAQUE) or (fixed is None and leaf.link == _TASK_ID)
    return is_handle or mark.action == "keep"
