"""Find personal data and credentials in JSON, and mask them.

Three ways, in this order: by path, for the catalog knows where a tool's records hold a name or an
address; by content, for anything that verifies as a mail address, telephone number, card number,
credential or spoken secret wherever it stands; and by value, for what was masked by path may be
repeated in prose. What content alone cannot tell, a name in prose that no field repeats or a
foreign number in national format without a word beside it, is not found, and nobody may promise so.
"""

from sidecar.redaction.masking import Redacted, redact, redact_value
from sidecar.redaction.scanning import scan
from sidecar.redaction.scrubbing import scrub, scrub_value, withhold

__all__ = ["Redacted", "redact", "redact_value", "scan", "scrub", "scrub_value", "withhold"]
