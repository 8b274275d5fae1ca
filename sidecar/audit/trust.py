"""Says in sentences who could have changed a log, which part of it, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sidecar.audit.keys import KEY_FILE, PUBLIC_FILE

HOLDS: Final = "holds"
OPEN: Final = "open"
BROKEN: Final = "broken"

_BROKEN: Final = (
    "The log is not as it was written, see the problems: trust no line that they touch."
)

_ANEW: Final = "which whoever could write to the log's folder could have made anew"


@dataclass(frozen=True, slots=True)
class Standing:
    """What trust rests on.

    Attributes:
        is_valid: Nothing was found that does not fit.
        events: Lines of the log.
        last: The last record's number, `last_at` its time.
        bad_from: The first record that does not fit; 0 if there is none, or it cannot be told.
        signed_upto: The last record that a signature of an accepted key covers; made `signed_at`.
            This and the next end before what does not fit.
        anchored_upto: The last record that an anchor from elsewhere holds; noted `anchored_at`.
        has_anchors: There was an anchor to compare, `is_contradicted` if one does not fit.
        has_keys: There was a key to check signatures with, `is_key_given` by the reader and not
            found beside the log.
        is_key_beside_log: The key that signs lies in the log's own folder.
    """

    is_valid: bool
    events: int
    last: int
    last_at: str
    bad_from: int
    signed_upto: int
    signed_at: str
    anchored_upto: int
    anchored_at: str
    has_anchors: bool
    is_contradicted: bool
    has_keys: bool
    is_key_given: bool
    is_key_beside_log: bool


def state(on: Standing) -> str:
    """Tell in a word how far the log can be trusted: `holds`, `open` or `broken`."""
    if not on.is_valid:
        return BROKEN
    return HOLDS if on.anchored_upto or _is_sealed(on) else OPEN


def sentences(on: Standing) -> tuple[str, ...]:
    """Say what can be trusted, by what, and who could have changed the rest."""
    if not on.events:
        return ("The log is empty: there is nothing to trust.",)
    if not on.is_valid:
        return (_BROKEN, *_anchor(on), *_signature(on), *_nothing(on))
    return (_short(on), _chain(on), *_anchor(on), *_signature(on), *_rest(on))


def _is_sealed(on: Standing) -> bool:
    """Whether signatures count against somebody who can write to the log's folder."""
    return bool(on.signed_upto and on.is_key_given and not on.is_key_beside_log)


def _short(on: Standing) -> str:
    """Answer whether anybody could have changed the log, in one sentence."""
    sealed = f"only somebody with the signing key, up to record {on.signed_upto}"
    sealed += f" of {on.signed_at}." if on.signed_at else "."
    if on.anchored_upto:
        at = on.anchored_at or (on.last_at if on.anchored_upto == on.last else "")
        when = f" of {at}" if at else ""
        rest = f" After that {sealed}" if _is_sealed(on) and _is_signed_further(on) else ""
        return (
            f"No, up to record {on.anchored_upto}{when}, as far as the anchors were kept out of "
            f"reach.{rest}"
        )
    if _is_sealed(on):
        return sealed[0].upper() + sealed[1:]
    return f"Yes: whoever could write to its folder, without a trace ({'; '.join(_whys(on))})."


def _is_signed_further(on: Standing) -> bool:
    return on.signed_upto > on.anchored_upto


def _whys(on: Standing) -> Iterator[str]:
    yield "no anchor holds a record of it" if on.has_anchors else "no anchor"
    if not on.has_keys:
        yield "no signature was checked"
    elif not on.signed_upto:
        yield "no signature"
    elif on.is_key_beside_log:
        yield "the signing key lies beside the log"
    else:
        yield "the public key was found beside the log"


def _chain(on: Standing) -> str:
    return f"Records up to {on.last} form one whole chain, the last of {on.last_at}."


def _anchor(on: Standing) -> Iterator[str]:
    if on.is_contradicted:
        yield "An anchor was compared and does not fit: see the problems."
    if on.anchored_upto:
        when = f" at {on.anchored_at}" if on.anchored_at else ""
        yield (
            f"Up to record {on.anchored_upto} nobody changed, added or removed a record after the "
            f"anchor was taken{when}: that holds as far as the place where the anchor was kept is "
            "out of reach of whoever can write the log."
        )
    elif on.has_anchors and not on.is_contradicted:
        yield "No anchor that was given vouches for a record of this log as it stands."
    elif not on.has_anchors:
        yield (
            "No anchor was compared: whoever could write to the log's folder could have cut off "
            "its end, unseen, and what was cut is not told here."
        )


def _signature(on: Standing) -> Iterator[str]:
    if not on.has_keys:
        yield (
            f"No signature was checked, since there was no public key: give one with --key, or "
            f"leave {PUBLIC_FILE} beside the log."
        )
        return
    if not on.signed_upto:
        return
    yield (
        f"Up to record {on.signed_upto}, signed {on.signed_at or 'at an unknown time'}, only "
        "somebody with the signing key could have changed, added or removed a record since."
    )
    if on.is_key_beside_log:
        yield (
            f"That key lies beside the log ({KEY_FILE}): whoever could read the folder could sign. "
            "Set audit.signing_key_file to a key that is kept elsewhere."
        )
    if not on.is_key_given:
        yield (
            f"The public key was found beside the log ({PUBLIC_FILE}): whoever could write there "
            "could have put one of their own in its place. Give a copy kept elsewhere with --key."
        )


def _nothing(on: Standing) -> Iterator[str]:
    """Of a log that does not hold: from where on nothing vouches for it."""
    covered = max(on.signed_upto, on.anchored_upto)
    if not on.bad_from:
        yield "Nothing vouches for this log."
        return
    if covered + 1 < on.bad_from:
        yield f"{_span(covered + 1, on.bad_from - 1)} held by the chain alone, {_ANEW}."
    yield f"From record {on.bad_from} on nothing vouches for this log."


def _rest(on: Standing) -> Iterator[str]:
    """Of a log that holds: what nothing covers. A checkpoint is signed by the next one only."""
    covered = max(on.signed_upto, on.anchored_upto)
    if covered >= on.last:
        return
    if covered + 1 == on.last and covered == on.signed_upto:
        yield f"Record {on.last}, the last checkpoint itself, is signed by nothing after it."
        return
    yield (
        f"{_span(covered + 1, on.last)} covered by neither a signature nor an anchor: whoever "
        "could write to the log's folder could have changed, added or removed them."
    )


def _span(first: int, last: int) -> str:
    return f"Records {first} to {last} are" if first < last else f"Record {first} is"
