"""Short secrets: PIN, one-time code, card verification value. Only a word beside them tells."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.redaction.recogniser import (
    Budget,
    Recogniser,
    Span,
    is_about_something_else,
    is_digit,
    is_in_id,
    is_letter,
    pattern,
)

_J = r"[ _\-]{0,2}"
WORDS = (
    rf"(?:pins?|otp|cvv2?|cvc2?|csc|passcode|pass{_J}code|security{_J}code|verification{_J}code|"
    rf"confirmation{_J}pin|one{_J}time{_J}(?:code|password|passcode|pin)|2fa|mfa{_J}code|"
    rf"auth(?:entication|entifizierungs)?{_J}code|login{_J}code|geheimzahl|prüfnummer|prüfziffer|"
    rf"sicherheits{_J}code|code{_J}secret|cryptogramme|clave|código{_J}de{_J}seguridad|"
    rf"código{_J}de{_J}verificación|codice{_J}di{_J}sicurezza|senha|暗証番号|密码|验证码|確認コード)"
)
_CODE = r"\d(?:[ \-]?\d)"
_CANDIDATE = pattern(
    rf"(?i:({WORDS}))(?:{_J}(?i:code|number|nummer|no\.?|nr\.?))?[\"\s:=\[]*"
    rf"[^\d\"\x00]{{0,12}}({_CODE}{{2,7}})"
)


def _spans(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _CANDIDATE.finditer(data):
        budget.spend()
        (_, after), (start, end) = m.span(1), m.span(2)
        before = m.start() - 1
        if is_letter(data, before) or is_digit(data, before):
            continue  # "shopping 1234", or an id with 2fa in it
        if is_letter(data, after) or is_digit(data, end):
            continue  # "pinned 1234", or the head of a longer number
        if not is_about_something_else(data[after:start]) and not is_in_id(data, m.start(), end):
            yield Span("PIN", start, end)


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    return list(_spans(data, budget or Budget()))


RECOGNISER = Recogniser(
    entity="PIN",
    gate=rf"(?i:{WORDS})[\w\- .]{{0,20}}[\"\s:=\[]*[^\d\"\x00]{{0,24}}{_CODE}{{2}}|"
    rf"(?i:{WORDS})[\w\-]{{0,20}}\"\s*:\s*\[\s*[\"\d]",
    find=_find,
)
