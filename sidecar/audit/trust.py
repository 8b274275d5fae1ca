"""Says in sentences who could have changed a log, which part of it, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.audit.keys import KEY_FILE, PUBLIC_FILE


@dataclass(frozen=True, slots=True)
class Standing:
    """What trust rests on.

    Attributes:
        is_valid: Nothing was found that does not fit.
        events: Lines of the log.
        last: The last record's number, `last_at` its time.
        signed_upto: The last record that a signature of an accepted key covers; made `signed_at`.
        anchored_upto: The last record that an anchor from elsewhere holds; noted `anchored_at`.
        has_keys: There was a key to check signatures with, `is_key_given` by the reader and not
            found beside the log.
        is_key_beside_log: The key that signs lies in the log's own folder.
    """

    is_valid: bool
    events: int
    last: int
    last_at: str
    signed_upto: int
    signed_at: str
    anchored_upto: int
    anchored_at: str
    has_keys: bool
    is_key_given: bool
    is_key_beside_log: bool


def sentences(on: Standing) -> tuple[str, ...]:
    """Say what can be trusted, by what, and who could have changed the rest."""
    if not on.events:
        return ("The log is empty: there is nothing to trust.",)
    return (*_chain(on), *_anchor(on), *_signature(on), *_rest(on))


def _chain(on: Standing) -> Iterator[str]:
    if on.is_valid:
        yield f"Records up to {on.last} form one whole chain, the last of {on.last_at}."
    else:
        yield "The log is not as it was written, see the problems: trust no line that they touch."


def _anchor(on: Standing) -> Iterator[str]:
    if on.anchored_upto:
        when = f" at {on.anchored_at}" if on.anchored_at else ""
        yield (
            f"Up to record {on.anchored_upto} nobody changed, added or removed a record after the "
            f"anchor was taken{when}: that holds as far as the place where the anchor was kept is "
            "out of reach of whoever can write the log."
        )
    else:
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


def _rest(on: Standing) -> Iterator[str]:
    covered = max(on.signed_upto, on.anchored_upto)
    if covered < on.last:
        yield (
            f"Records {covered + 1} to {on.last} are covered by neither a signature nor an anchor: "
            "whoever could write to the log's folder could have changed, added or removed them."
        )
