"""Whose data is meant by an id: merged customers are one, and what belongs to them is theirs.

Gladly merges customers, and an id that was merged away is still what earlier calls named. Of a
conversation, an item or a task the log tells whose it is when a call that was about it was about
one customer only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from sidecar.audit.calls import Call, items, read, word
from sidecar.audit.chain import parse
from sidecar.audit.reader import Told, lines, section

_CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Kin:
    """The ids under which a subject's data is reached.

    `same` are the id itself and what it was merged with; `theirs` are the conversations, items and
    tasks that the log shows to be theirs. `is_known` tells whether the id stands in the log at all.
    """

    subject: str
    same: frozenset[str]
    theirs: frozenset[str]
    is_known: bool

    def relation(self, call: Call) -> str:
        """How a call is about the subject, in words; empty if it is not."""
        ids = {subject for _, subject in call.subjects}
        if self.subject in ids:
            return "named"
        if merged := sorted(ids & self.same):
            return f"merged with {merged[0]}"
        if found := sorted(ids & self.theirs):
            return f"by {found[0]}"
        return ""


def kin(path: Path, subject: str, told: Told | None = None) -> Kin:
    """Look through a whole log for what is the same as a subject, and what belongs to it.

    Raises ConfigError if the log cannot be read.
    """
    same = _merged(path, subject)
    theirs: set[str] = set()
    is_known = len(same) > 1
    for call in read(path, told):
        about = call.subjects
        customers = {found for kind, found in about if kind == _CUSTOMER}
        is_known = is_known or any(found == subject for _, found in about)
        if customers and customers <= same:
            theirs |= {found for kind, found in about if kind != _CUSTOMER}
    return Kin(subject, frozenset(same), frozenset(theirs - same - {"[withheld]"}), is_known)


def _merged(path: Path, subject: str) -> set[str]:
    """The ids that merges connect with a subject, in whatever direction and however far."""
    links: defaultdict[str, set[str]] = defaultdict(set)
    for raw in lines(path):
        record = parse(raw) if b'"merged":[' in raw else None
        for one in items(section(record or {}, "data").get("merged")):
            pair = (word(one, "from"), word(one, "to")) if isinstance(one, dict) else ("", "")
            if all(pair):
                links[pair[0]].add(pair[1])
                links[pair[1]].add(pair[0])
    found, waiting = {subject}, [subject]
    while waiting:
        new = links[waiting.pop()] - found
        found |= new
        waiting += new
    return found
