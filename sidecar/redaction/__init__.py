"""Find personal data and credentials in JSON, and mask them.

Three ways, in this order: by path, for the catalog knows where a tool's records hold a name or an
address; by content, for anything that verifies as a mail address, telephone number, card number,
credential or spoken secret wherever it stands, and for what the operator's own patterns match; and
by value, for what was masked by path may be repeated in prose.

A text is read twice where that can change anything: as it is written, and without its escapes and
disguises, which `escapes` and `wordings` list; what is found there is cut where it is written.

What content alone cannot tell is not found, and nobody may promise so: a name in prose that no
field repeats; a foreign number in national format without a word beside it (of such numbers in
public sentences about one in three); a value that is encrypted, in a picture, or in base64 four
times over; a number in pieces that do not follow each other.

The functions here yield to nobody, so all of it is bounded. What is larger than
`leaves.MAX_RESULT` or `leaves.MAX_ARGUMENTS`, has more than `leaves.MAX_HITS` suspicious leaves or
repeats more than `known.MAX_LIVE` names is refused as `unscannable`. Once
`recogniser.MAX_JUDGED` candidates were verified, the rest is not: a leaf that may hold personal
data is masked whole, which takes more than need be and leaves nothing. The road asks a `Redactor`,
which holds the keys of pseudonyms, masks large results beside the event loop, and is tried with
made-up values (`canaries`).
"""

from sidecar.redaction.making import keys, made, tried
from sidecar.redaction.masking import Redacted, redact, redact_value
from sidecar.redaction.own import use
from sidecar.redaction.pseudonyms import NONE, PSEUDONYMOUS, Key, Pseudonyms
from sidecar.redaction.redactor import Counts, Redactor
from sidecar.redaction.scanning import scan
from sidecar.redaction.scrubbing import scrub, scrub_value
from sidecar.redaction.withholding import unsaid, unsayable, withhold, withhold_pointer

__all__ = [
    "NONE",
    "PSEUDONYMOUS",
    "Counts",
    "Key",
    "Pseudonyms",
    "Redacted",
    "Redactor",
    "keys",
    "made",
    "redact",
    "redact_value",
    "scan",
    "scrub",
    "scrub_value",
    "tried",
    "unsaid",
    "unsayable",
    "use",
    "withhold",
    "withhold_pointer",
]
