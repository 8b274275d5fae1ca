"""One recogniser a file.

To add one: write the file with its `RECOGNISER`, name it in `ALL`, and give it a table of examples
in the tests, of what it must find and of what must survive it.
"""

from __future__ import annotations

from sidecar.redaction.recogniser import Recogniser
from sidecar.redaction.recognisers import card, email, iban, ip, phone, pin, ssn, token

ALL: tuple[Recogniser, ...] = (
    email.RECOGNISER,
    iban.RECOGNISER,
    ssn.RECOGNISER,
    ip.RECOGNISER,
    phone.RECOGNISER,
    card.RECOGNISER,
    pin.RECOGNISER,
    token.RECOGNISER,
)
"""In order of precedence among spans of the same length."""
