"""Take a JSON value apart into leaves: strings, numbers and object keys, each with its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import orjson

from sidecar.errors import Refusal
from sidecar.redaction import detect
from sidecar.redaction.plain import is_odd
from sidecar.redaction.recogniser import pattern
from sidecar.redaction.recognisers import phone, pin, ssn, token

MAX_DEPTH = 64
_LETTERS = 20
"""Characters of the shortest credential that is letters alone; nothing else found is letters."""
MAX_LEAF = 1_000_000
"""Bytes of UTF-8 in one string or key."""
MAX_RESULT = 4_000_000
"""Bytes of a result, serialised: the search runs on the event loop and yields to nobody."""
MAX_ARGUMENTS = 1024 * 1024
"""Bytes of a message's arguments, serialised: more than that the policy engine does not read."""
MAX_HITS = 20_000
"""Leaves of one value that are looked at one by one."""
_SHOWN = 256
"""Characters of the longest key that appears in a pointer."""
SMALL = 1_000_000
"""Numbers nearer to zero than this are counts and indices, unless their key says otherwise."""

Link = tuple[Any, Any] | None
"""A place as (place of the container, key or index); None is the root. Cheaper than pointers."""


class Leaf(NamedTuple):
    """One scalar, or one key of an object, that may hold personal data."""

    container: Any
    key: Any
    text: str
    context: str
    link: Link
    is_key: bool = False


def dump(value: Any, refusal: type[Refusal], most: int) -> bytes:
    """Serialise, and refuse with reason `unscannable` what is too deep or too large to scan.

    `most` is how many bytes it may have.
    """
    data = written(value, refusal, most)
    check(value, data, refusal)
    return data


def written(value: Any, refusal: type[Refusal], most: int) -> bytes:
    """Serialise, and refuse what is too large; how deep it is `check` tells, which takes longer."""
    try:
        data = orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise unscannable(refusal, "cannot be written as JSON") from error
    if len(data) > most:
        raise unscannable(refusal, f"is larger than {most} bytes")
    return data


def check(value: Any, data: bytes, refusal: type[Refusal]) -> None:
    """Refuse with reason `unscannable` what is too deep, or has too long a string, to scan."""
    _check_depth(value, data.count(b"{") + data.count(b"["), refusal)
    if len(data) > MAX_LEAF:
        _check_length(value, refusal)


def _check_depth(value: Any, brackets: int, refusal: type[Refusal]) -> None:
    """Level by level, and only where there are brackets enough."""
    if brackets <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            if type(parent) is dict or type(parent) is list
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise unscannable(refusal, f"is nested deeper than {MAX_DEPTH} levels")


def _check_length(value: Any, refusal: type[Refusal]) -> None:
    if isinstance(value, str):
        if len(value) * 4 > MAX_LEAF and len(value.encode()) > MAX_LEAF:
            raise unscannable(refusal, f"is a string longer than {MAX_LEAF} bytes")
    elif isinstance(value, dict):
        for key, child in value.items():
            _check_length(key, refusal)
            _check_length(child, refusal)
    elif isinstance(value, list):
        for child in value:
            _check_length(child, refusal)


def check_inner(value: Any, text: str, refusal: type[Refusal]) -> None:
    """Refuse JSON inside a string that is nested too deeply to scan."""
    _check_depth(value, text.count("{") + text.count("["), refusal)


def unscannable(refusal: type[Refusal], what: str) -> Refusal:
    """The refusal of a message that cannot be scanned for personal data."""
    return refusal(
        f"redaction: a value {what}, so it cannot be scanned for personal data",
        reason="unscannable",
    )


def parsed(text: str) -> Any:
    """The JSON inside a string: an object, an array or a string in quotes; None for other text."""
    head = text.lstrip()[:1]
    if head not in ("{", "[", '"') or not head:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LABELS = (
    (pattern(f"(?i:{token.WORDS}|^token$)"), token.LABEL),
    (pattern(f"(?i:{pin.WORDS})"), "pin: "),
    (pattern(f"(?i:{ssn.WORDS})"), "ssn: "),
    (pattern(f"(?i:{phone.WORDS})"), "phone: "),
)
# What a key ends with that only talks about the secret: passwordUpdatedAt, tokenType.
_ABOUT = frozenset({"at", "by", "count", "date", "hint", "id", "length", "time", "type", "url"})
_FEWEST = 5


@lru_cache(maxsize=4096)
def context_of(key: str) -> str:
    """What a member's key says of its value, as a label to read before it; usually nothing."""
    if len(key) > 64:  # noqa: PLR2004 - a key that long is data, not a name
        return ""
    words = [word.lower() for word in _WORDS.findall(key)]
    if not words or words[-1] in _ABOUT:
        return ""
    data = key.encode()
    for label, context in _LABELS:
        hit = label.search(data)
        if hit is None:
            continue
        found = hit.group().decode().lower()
        if len(found) >= _FEWEST or found in words or found.rstrip("0123456789") in words:
            return context
    return ""


def collect(root: Any, link: Link = None, context: str = "") -> list[Leaf]:
    """Every leaf below a container, in document order, keys before their values."""
    out: list[Leaf] = []
    _collect(root, link, out, context)
    return out


def _collect(container: Any, link: Link, out: list[Leaf], context: str) -> None:
    is_object = isinstance(container, dict)
    items: Any = container.items() if is_object else enumerate(container)
    for key, value in items:
        if is_object:
            if not (key.isascii() and key.isalpha()):  # a plain name of a member hides nothing
                out.append(Leaf(container, key, key, "", link, is_key=True))
            context = context_of(key)
        kind = type(value)
        if kind is str:
            if value:
                out.append(Leaf(container, key, value, context, (link, key)))
        elif kind is dict or kind is list:
            # A list's label is its members' label: {"phones": ["4155552671"]}.
            inherited = context if is_object and kind is list else ""
            _collect(value, (link, key), out, inherited)
        elif (kind is int or kind is float) and (context or not -SMALL < value < SMALL):
            text = orjson.dumps(value).decode()
            out.append(Leaf(container, key, text, context, (link, key)))


def suspects(leaves: list[Leaf]) -> set[int]:
    """Indices of the leaves that the gate hits, in one pass over all of them joined by NUL."""
    texts = [leaf.context + leaf.text if leaf.context else leaf.text for leaf in leaves]
    joined = "\x00".join(texts)
    if joined.isascii() and "\\" not in joined:
        hits = _hits(joined.encode(), [len(text) for text in texts])
    else:
        parts = [_part(text) for text in texts]
        hits = _hits(b"\x00".join(parts), [len(part) for part in parts])
        hits |= {
            i for i, part in enumerate(parts) if is_odd(part) or b"\\u" in part or b"\\x" in part
        }
    return hits | {i for i, leaf in enumerate(leaves) if leaf.context == token.LABEL}


def _hits(data: bytes, lengths: list[int]) -> set[int]:
    ends = list(accumulate(length + 1 for length in lengths))
    hits: set[int] = set()
    position = 0
    while (position := detect.next_suspect(data, position)) < len(data):
        index = bisect_right(ends, position)
        hits.add(index)
        position = ends[index]
    return hits


def _part(text: str) -> bytes:
    """With its escapes undone besides: the text may be JSON, or be read as if it were."""
    data = text.encode()
    return data + b"\x00" + detect.unescaped(data) if b"\\" in data else data


def escaped(segment: str) -> str:
    """One reference token of a JSON pointer (RFC 6901, section 3)."""
    return segment.replace("~", "~0").replace("/", "~1")


def pointer(link: Link) -> str:
    """The place as a JSON pointer. A key that is personal data itself appears masked."""
    segments: list[str] = []
    while link is not None:
        link, key = link
        segments.append(escaped(public_key(key) if isinstance(key, str) else str(key)))
    return "".join("/" + segment for segment in reversed(segments))


def check_hits(count: int, refusal: type[Refusal]) -> None:
    """Refuse what has more leaves to look at than are looked at in reasonable time."""
    if count > MAX_HITS:
        raise unscannable(refusal, f"has more than {MAX_HITS} places to look at")


def withheld_key(key: str) -> str:
    """What is told of a key that is not shown."""
    return f"[withheld: {len(key)} characters]"


def public_key(key: str) -> str:
    """A key with personal data in it masked: what may be written about a place.

    Of one that is longer than any name of a member only the length is told.
    """
    return _public_key(key) if len(key) <= _SHOWN else withheld_key(key)


@lru_cache(maxsize=4096)
def _public_key(key: str) -> str:
    """The cache is memory of this process alone: a key stands in the pointer of all below it."""
    if len(key) < _LETTERS and key.isascii() and key.isalpha():
        return key
    if not detect.is_suspect_text(key.encode()):
        return key
    return detect.replaced(key, detect.detect(key))


def object_of(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object of members whose keys may have become equal: the second `[EMAIL]` gets `#2`."""
    out: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for key, value in members:
        name = key
        while name in out:
            counts[key] = counts.get(key, 1) + 1
            name = f"{key}#{counts[key]}"
        out[name] = value
    return out
