"""Find personal data and credentials in JSON, and mask them.

Three ways, in this order: by path, for the catalog knows where a tool's records hold a name or an
address; by content, for anything that verifies as a mail address, telephone number, card number,
credential or spoken secret wherever it stands; and by value, for what was masked by path may be
repeated in prose. What content alone cannot tell, a name in prose that no field repeats or a
foreign number in national format without a word beside it, is not found, and nobody may promise so.

All of it runs on the event loop and yields to nobody, so all of it is bounded. What is larger than
`leaves.MAX_RESULT` or `leaves.MAX_ARGUMENTS`, has more than `leaves.MAX_HITS` suspicious leaves or
repeats more than `known.MAX_LIVE` names is refused as `unscannable`. Once
`recogniser.MAX_JUDGED` candidates were verified, the rest is not: a leaf that may hold personal
data is masked whole, which takes more than need be and leaves nothing.
"""

from sidecar.redaction.masking import Redacted, redact, redact_value
from sidecar.redaction.scanning import scan
from sidecar.redaction.scrubbing import scrub, scrub_value
from sidecar.redaction.withholding import withhold

__all__ = ["Redacted", "redact", "redact_value", "scan", "scrub", "scrub_value", "withhold"]
