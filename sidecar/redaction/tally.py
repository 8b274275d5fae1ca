"""What was found in one result so far, and by which rules it is judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sidecar.errors import BackendFailed
from sidecar.model import Finding
from sidecar.redaction import detect, marks
from sidecar.redaction.known import Known
from sidecar.redaction.recogniser import MAX_JUDGED, Budget, Span, blanked
from sidecar.redaction.rules import Rules
from sidecar.redaction.worker import Deadline, TimedBudget

_MOST_LEFT = 200
"""Values that are looked for in what was exempt from masking; of more, some are surely left."""

_SIGNS = {"EMAIL": b"", "CARD": b"", "IBAN": b"", "PHONE": b"+", "TOKEN": b"eyJ"}
"""What the last look looks for, each where its sign is in the bytes."""
_BY_SIGN = {"PHONE": "+", "TOKEN": "eyJ"}


@dataclass(slots=True)
class Tally:
    """Findings of one result. What is kept by content is seen, and noted, anew in each round."""

    rules: Rules
    deadline: Deadline = field(default_factory=Deadline)
    known: Known = field(default_factory=Known)
    masked: list[Finding] = field(default_factory=list)
    kept_by_path: list[Finding] = field(default_factory=list)
    kept_by_content: list[Finding] = field(default_factory=list)
    exempt: list[str] = field(default_factory=list)
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        """One budget for all of the result."""
        self.budget = TimedBudget(self.deadline)

    @property
    def kept(self) -> list[Finding]:
        """What a rule let through."""
        return [*self.kept_by_path, *self.kept_by_content]

    def begin_round(self) -> None:
        """Forget what a look at the content notes each time."""
        self.kept_by_content.clear()
        self.exempt.clear()

    def text(self, raw: str, found: list[Span], swept: list[Span], pointer: str, own: str) -> str:
        """The text with what the rules mask cut out.

        `swept` are values known from elsewhere; inside of something kept they are kept too.
        `own` is the entity that the text was already counted as by its path.
        """
        kept = [s for s in found if self.rules.action(s.entity) == "keep"]
        if not kept:
            return self._cut(raw, found + swept, pointer)
        masked = [s for s in found if self.rules.action(s.entity) != "keep"]
        self.kept_by_content += (
            Finding(s.entity, pointer, s.end - s.start) for s in kept if s.entity != own
        )
        self.exempt += (raw[s.start : s.end] for s in kept)
        if swept:
            areas = detect.merged([s for s in kept if not s.is_whole])
            swept = [s for s in swept if not any(a.start <= s.start < a.end for a in areas)]
        return self._cut(raw, masked + swept, pointer)

    def _cut(self, text: str, spans: list[Span], pointer: str) -> str:
        if not spans:
            return text
        pieces: list[str] = []
        position = 0
        for span in detect.merged(spans) if len(spans) > 1 else spans:
            entity = span.entity
            raw = text[span.start : span.end]
            action = self.known.action(entity, raw) or self.rules.action(entity)
            is_one = not span.is_whole and span in spans  # and not several that overlapped
            mask = self.rules.rendered(entity, action if is_one else "mask", raw)
            pieces += (text[position : span.start], mask)
            position = span.end
            self.masked.append(Finding(entity, pointer, len(raw)))
        pieces.append(text[position:])
        return "".join(pieces)

    def check_residual(self, data: bytes) -> None:
        """Look once more, at the whole and not at leaves, for what this decision masks.

        That is what needs no word beside it to verify, and each value that was masked by path; a
        single word may be another thing's name. What a rule keeps is no hit.

        Raises:
            BackendFailed: with reason `redaction_residual`, if something is there.
        """
        # Two quotes of the JSON around an @ look like an address whose local part is quoted.
        text = detect.unescaped(data).replace(b'"', b"\x00").decode()
        text = blanked(text, detect.masks(text), "\x00")
        strict = [
            entity
            for entity, sign in _SIGNS.items()
            if sign in data and self.rules.action(entity) != "keep"
        ]
        spans = detect.detect(text, "", TimedBudget(self.deadline, 2 * MAX_JUDGED), strict)
        left = {text[s.start : s.end] for s in spans if _is_certain(s, text)}
        if self.known.is_live:
            found = (text[s.start : s.end] for s in self.known.spans(text))
            left.update(raw for raw in found if not (raw.isalpha() or marks.has_safe_shape(raw)))
        if left:
            exempt = "\x00".join(self.exempt)
            if len(left) > _MOST_LEFT or any(value not in exempt for value in left):
                raise residual()

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many were masked and how many kept, by entity."""
        masked = Counter(finding.entity for finding in self.masked)
        return dict(masked), dict(Counter(finding.entity for finding in self.kept))


def _is_certain(span: Span, text: str) -> bool:
    """Whether it is one wherever it stands: a number with its country, a JSON Web Token."""
    return span.entity not in _BY_SIGN or text.startswith(_BY_SIGN[span.entity], span.start)


def residual() -> BackendFailed:
    """The refusal of a result in which masking left something."""
    return BackendFailed(
        "redaction: personal data was still found after masking, so the result was withheld",
        reason="redaction_residual",
    )
