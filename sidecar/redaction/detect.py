"""Find personal data in one text, and say cheaply of a whole document that there can be none.

One combined pattern, the gate, looks once at the serialised document. Only where it hits is a
document taken apart into leaves, the same gate run over all leaves at once, and each leaf that is
hit given to the recognisers. The gate must match wherever a recogniser could; the other way
round costs only time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sidecar.model import ENTITIES
from sidecar.redaction import escapes, wordings
from sidecar.redaction.own import OWN
from sidecar.redaction.plain import is_odd
from sidecar.redaction.reading import Reading, further, undone
from sidecar.redaction.recogniser import (
    Budget,
    Exhausted,
    Recogniser,
    Span,
    blanked,
    pattern,
    patterns,
)
from sidecar.redaction.recognisers import ALL
from sidecar.redaction.recognisers.token import LABEL
from sidecar.redaction.rules import SHORTENED

_VEILS = f"{escapes.GATE}|{wordings.GATE}"
_VEILED = pattern(_VEILS)
"""Matches wherever reading the text otherwise could show something."""
_PIECE = r"\"[+(]{0,2}\d[\d \-.()]{0,18}\"\s*[,}\]]"
_PIECES = rf"{_PIECE}[^\x00]*{_PIECE}"
"""Two strings of digits in JSON: they may be pieces of one number."""
GATE = "|".join((*(f"(?:{r.gate})" for r in ALL), _VEILS, _PIECES))
"""Matches wherever any recogniser could find something, also in another reading of the text."""
_GATE = pattern(GATE)
_EACH = (*(pattern(r.gate) for r in ALL), _VEILED)
_GATES = patterns((*(r.gate for r in ALL), _VEILS))
"""The gates of ALL, and as the last what other readings need."""
_LARGE = 10_000
"""Bytes from which gates one by one are quicker: each stops at its hit, a set reads to the end."""
_MASK = pattern(
    rf"\[(?:(?:{'|'.join(sorted(SHORTENED))}):(?:…|\.\.\.)\d{{1,4}}|"
    rf"(?:{'|'.join(sorted(ENTITIES))})(?::[a-z0-9]{{1,16}}:[a-z2-7]{{16}})?)\](?:#\d{{1,3}})?"
)
"""A mask of ours, counted if it is a key. Nothing is found in it, so it has no room for more."""

_SHORTEST = 3  # characters of a credential
_DEEPEST = 3
"""How often a run is decoded that was found in another."""


def unescaped(data: bytes) -> bytes:
    r"""JSON text with its escapes undone roughly, at any depth of JSON inside strings.

    For gates alone: `\n` is whitespace here and not a letter that sticks to the number after it.
    """
    if b"\\" not in data:
        return data
    data = data.replace(b'\\"', b'"')  # most often that is all there is
    if b"\\" not in data:
        return data
    for escape in (b"\\n", b"\\r", b"\\t"):
        data = data.replace(escape, b" ")
    return data.replace(b"\\", b"")


def is_suspect(data: bytes, bare: bytes | None = None) -> bool:
    r"""Whether JSON text (or plain text) may hold personal data, by the gate.

    `bare` is the same unescaped, if that is at hand.

    A `\u` escape hides any character, so it is suspect by itself; our serialiser writes none for
    anything but control characters, so it comes from JSON inside a string.
    """
    if bare is None:
        bare = unescaped(data)
    if _GATE.search(bare) is not None or is_odd(data) or OWN.is_suspect_document(data):
        return True
    if len(data) - len(bare) == data.count(b'\\"'):
        return False  # no escapes but those of quotes
    has_code = b"\\\\u" in data or b"\\\\x" in data
    return has_code or (b"\\n" in data and wordings.BROKEN_IN_JSON.search(data) is not None)


def is_suspect_text(data: bytes) -> bool:
    """The same for the decoded text of one leaf or of several joined by NUL."""
    return _GATE.search(data) is not None or is_odd(data) or OWN.is_suspect(data)


def is_plainly_clean(text: str, gate: Any = _GATE) -> bool:
    """Whether one look says that nothing can be found in a text, at any of the places above.

    Masks need not be cut out first: no gate crosses what they are filled with, so what it would
    hit without them it hits with them.
    """
    if not text.isascii() or "\\" in text:
        return False
    data = text.encode()
    return gate.search(data) is None and not OWN.is_suspect(data)


def next_suspect(data: bytes, position: int) -> int:
    """Where the gate's next hit starts; the length of the data when there is none."""
    hit = _GATE.search(data, position)
    own = OWN.next(data, position)
    return own if hit is None else min(int(hit.start()), own)


def is_mask(text: str) -> bool:
    """Whether the text is one of our own masks and nothing else."""
    return text.startswith("[") and _MASK.fullmatch(text.encode()) is not None


def has_mask(data: bytes) -> bool:
    """Whether one of our own masks may stand in JSON text, its ellipsis escaped or not."""
    return b"[" in data and (b"\\u2026" in data or _MASK.search(data) is not None)


def masks(text: str) -> list[Span]:
    """Our own masks in a text, in characters."""
    if "[" not in text:
        return []
    data = text.encode()
    return _in_characters(
        data, [Span("MASK", m.start(), _end(m, data)) for m in _MASK.finditer(data)]
    )


def _end(mask: Any, data: bytes) -> int:
    """Where a mask ends: at its bracket, if more digits follow than count keys."""
    end = int(mask.end())
    return data.rindex(b"]", mask.start(), end) + 1 if data[end : end + 1].isdigit() else end


def detect(
    text: str,
    context: str = "",
    budget: Budget | None = None,
    only: Collection[str] = ENTITIES,
) -> list[Span]:
    """Every verified span, in characters of `text`, sorted, without repeats; some may overlap.

    Where the budget (one for the text, unless it is given) is spent, the rest is not verified:
    whatever recogniser's gate hits then takes the whole text for its own. `only` are the
    entities that are looked for.

    `context` is read before the text, as a label is, and is not part of any span. Our own masks
    are no text: nothing is found in them, and `[PHONE]` is no word beside a number.
    """
    if context == LABEL and len(text) >= _SHORTEST and not is_mask(text):
        return [Span("TOKEN", 0, len(text))]
    own = masks(text)
    text = blanked(text, own, "\x00") if own else text
    look = _Look(context, budget or Budget(), only)
    found = look.all(text, _DEEPEST)
    if len(found) < 2:  # noqa: PLR2004 - nothing to sort
        return found
    return sorted(dict.fromkeys(found), key=lambda s: (s.start, -s.end))


class _Look(NamedTuple):
    """What every reading of one text is looked at with."""

    context: str
    budget: Budget
    only: Collection[str]

    def all(self, text: str, depth: int) -> list[Span]:
        """What is in a text as it stands and as it reads, in characters."""
        data = (self.context + text).encode()
        hits = _hit(data)
        is_veiled = len(ALL) in hits
        found = self.spans(text, data, hits) if hits or OWN.recognisers else []
        if is_veiled or "\\" in text or (not text.isascii() and is_odd(data)):
            found += self.otherwise(text, depth)
        return found

    def spans(self, text: str, data: bytes = b"", hits: Sequence[int] = ()) -> list[Span]:
        """What is in a text as it stands; `data` and `hits` are what is known of it already."""
        data = data or (self.context + text).encode()
        recognisers = [ALL[i] for i in hits or _hit(data) if i < len(ALL)]
        found, whole = self._found(recognisers, data, len(text))
        if OWN.recognisers:  # which see the text alone, for it may be matched from end to end
            own, spent = self._found(OWN.recognisers, text.encode(), len(text))
            whole += spent + _in_characters(text.encode(), own)
        if not found or (not self.context and data.isascii()):
            return found + whole
        skip = len(self.context)
        return whole + [
            Span(s.entity, max(s.start - skip, 0), s.end - skip)
            for s in _in_characters(data, found)
            if s.end > skip
        ]

    def _found(
        self, recognisers: Sequence[Recogniser], data: bytes, length: int
    ) -> tuple[list[Span], list[Span]]:
        """What they find, in bytes; and where the budget was spent, the whole text."""
        found: list[Span] = []
        whole: list[Span] = []
        for recogniser in recognisers:
            if recogniser.entity not in self.only:
                continue
            try:
                found += recogniser.find(data, self.budget)
            except Exhausted:
                whole.append(Span(recogniser.entity, 0, length, is_whole=True))
        return found, whole

    def otherwise(self, text: str, depth: int) -> list[Span]:
        """What is in the other readings of a text."""
        data = text.encode()
        reading = undone(text, escapes.STEPS if escapes.is_escaped(data) else ())
        found: list[Span] = []
        if reading.text != text:
            found += reading.spans(self.spans(reading.text))
            data = reading.text.encode()
        if wordings.is_unusual(data):
            unusual = further(reading, wordings.STEPS)
            if unusual.text != reading.text:
                found += unusual.spans(self.spans(unusual.text))
        if depth and escapes.has_run(data):
            found += self._inside(reading, depth)
        return found

    def _inside(self, reading: Reading, depth: int) -> list[Span]:
        """What runs of base64 or hex say; each is cut whole, for a part of it says nothing."""
        found: list[Span] = []
        whole: list[Span] = []
        for run in escapes.runs(reading.text):
            try:
                self.budget.spend()
            except Exhausted:
                every = sorted(r.entity for r in ALL if r.entity in self.only)
                whole = [Span(e, 0, len(reading.original), is_whole=True) for e in every]
                break
            inner = self.all(run.text, depth - 1)
            entities = dict.fromkeys(span.entity for span in inner)
            found += (Span(entity, run.start, run.end) for entity in entities)
        return whole + [span._replace(is_whole=True) for span in reading.spans(found)]


def _hit(data: bytes) -> Sequence[int]:
    """Which recognisers' gates match, in order of precedence."""
    if len(data) > _LARGE:
        return [index for index, gate in enumerate(_EACH) if gate.search(data) is not None]
    hits = _GATES.Match(data) or ()
    if not hits and _GATE.search(data) is not None:
        return range(len(_EACH))  # a set that has run out of memory says nothing at all
    return sorted(hits)


def _in_characters(data: bytes, spans: Sequence[Span]) -> list[Span]:
    if data.isascii():
        return list(spans)
    places: dict[int, int] = {}
    last = count = 0
    for place in sorted({p for span in spans for p in (span.start, span.end)}):
        count += len(data[last:place].decode())
        places[place] = count
        last = place
    return [Span(s.entity, places[s.start], places[s.end]) for s in spans]


def merged(spans: Sequence[Span]) -> list[Span]:
    """Overlapping spans as one, named for the first of them, the longer first."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not out or span.start >= out[-1].end:
            out.append(span)
        elif span.end > out[-1].end:
            out[-1] = out[-1]._replace(end=span.end)
    return out


def replaced(text: str, spans: Sequence[Span]) -> str:
    """The text with every span, merged, as `[ENTITY]`."""
    pieces: list[str] = []
    position = 0
    for span in merged(spans):
        pieces += (text[position : span.start], f"[{span.entity}]")
        position = span.end
    return "".join((*pieces, text[position:]))
