"""Sentences and records with a label on each value in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from labelled.lookalikes import LOOKALIKES
from labelled.values import MAKERS, phone, word

_SLOT = re.compile(r"\{([A-Z0-9_]+)\}")


class Label(NamedTuple):
    """A value in a text: of which kind, and from where to where in characters."""

    kind: str
    start: int
    end: int


class Text(NamedTuple):
    """A text, what must be found in it, and what must survive."""

    text: str
    wanted: tuple[Label, ...]
    spared: tuple[Label, ...]


ANY = (
    "Please write to {EMAIL} about {ORDER}.",
    "Bitte schreiben Sie an {EMAIL} wegen {ORDER}, danke!",
    "Écrivez-moi à {EMAIL} pour la commande #{SKU}.",
    "Mi correo es {EMAIL} y el pedido llegó el {ISO}.",
    "Scrivimi a {EMAIL}, il prezzo era {PRICE}.",
    "Meu e-mail é {EMAIL}, obrigado; versão do app: {VERSION}.",
    "Mijn adres is {EMAIL} (bestelling {SKU}).",
    "Mój adres to {EMAIL}, zamówienie z {ISO}.",
    "メールは{EMAIL}です。注文{SKU}について。",
    "我的邮箱是{EMAIL},订单{SKU}。",
    "You reach me at {PHONE} after five, {PRICE} is too much.",
    "Ich bin unter {PHONE} erreichbar, Paket {PARCEL}.",
    "Rappelez-moi au {PHONE} s'il vous plaît.",
    "Llámame al {PHONE}, el paquete es {PARCEL}.",
    "電話は{PHONE}です。",
    "我的电话{PHONE}。",
    "My phone number is {NATIONAL}, call me.",
    "Telefon: {NATIONAL} (Bestellung {SKU})",
    "Téléphone : {NATIONAL}, merci",
    "Mi teléfono es {NATIONAL}.",
    "the card {CARD} was charged {PRICE} on {ISO}",
    "Karte {CARD} wurde belastet, Auftrag {SKU}",
    "ma carte {CARD} ne marche pas",
    "la tarjeta {CARD} caducó",
    "卡号{CARD}不能用",
    "カード{CARD}が使えません",
    "her ssn {SSN} was in the letter",
    "Social security number: {SSN}, shipped {ISO}",
    "transfer to {IBAN} please, {PRICE}",
    "Bitte auf {IBAN} überweisen, Rechnung {SKU}",
    "virement sur {IBAN} le {ISO}",
    "login from {IP} at {ISO}, trace {TRACE}",
    "gesehen von {IP}, Version {VERSION}",
    "my PIN is {PIN}, do not tell",
    "Geheimzahl {PIN} bitte ändern",
    "code de sécurité : code secret {PIN}",
    "el código de seguridad {PIN}",
    "il codice di sicurezza {PIN}",
    "验证码{PIN}",
    "Authorization: Bearer {JWT}",
    "the token {JWT} is old, request {UUID}",
    "access_token={TOKEN}&x={SKU}",
    "Authorization: Bearer {TOKEN}",
    "Authorization: Basic {BASIC}",
    "my password is {PASSWORD} and order {SKU}",
    "Passwort: {PASSWORD}",
)
"""Sentences in ten languages."""

CLEAN = (
    "id {GLADLY_ID} and {GLADLY_ID}, trace {TRACE}",
    "conversation {GLADLY_ID} of {ISO}: {ORDER} for {PRICE}",
    "{UUID} {HEX24} {SPAN}",
    "sha256 {DIGEST} at {EPOCH} or {EPOCH_MS}",
    "parcel {PARCEL} with {SKU}, {SKU} and {EAN}",
    "charged to {LUHN_BAD}, which is no card; {ORDER}",
    "die Bestellung {ORDER} vom {ISO} kostet {PRICE}",
    "https://shop.example/p/{SLUG}?id={GLADLY_ID}&v={EPOCH}",
    "app {VERSION} build {EPOCH} on {SLUG}",
    "注文{ORDER}は{ISO}に{PRICE}でした",
    "订单{EAN}的包裹{PARCEL}在{ISO}",
    "{ORDER}\n{ORDER}\n{ORDER}",
)
"""Sentences without anybody's data."""


def filled(template: str, rng: Random, makers: Mapping[str, Callable[[Random], str]]) -> Text:
    """The template with a value in each slot."""
    wanted: list[Label] = []
    spared: list[Label] = []
    text = ""
    position = 0
    for m in _SLOT.finditer(template):
        text += template[position : m.start()]
        kind = m[1]
        is_wanted = kind in MAKERS
        value = (makers[kind] if is_wanted else LOOKALIKES[kind])(rng)
        label = Label("PHONE" if kind == "NATIONAL" else kind, len(text), len(text) + len(value))
        (wanted if is_wanted else spared).append(label)
        text += value
        position = m.end()
    return Text(text + template[position:], tuple(wanted), tuple(spared))


def texts(rng: Random, count: int, templates: Sequence[str] = (*ANY, *CLEAN)) -> Iterator[Text]:
    """So many texts, the templates in turn."""
    for index in range(count):
        yield filled(templates[index % len(templates)], rng, MAKERS)


class Record(NamedTuple):
    """A record as Gladly's tools give it.

    `wanted` must be gone from its sentence, `spared` must stay there, `ids` in its other members.
    """

    value: dict[str, Any]
    wanted: tuple[str, ...]
    spared: tuple[str, ...]
    ids: tuple[str, ...]


def records(rng: Random, count: int) -> Iterator[Record]:
    """Conversation items: ids all around, one sentence in each that may hold something."""
    for _ in range(count):
        said = filled(rng.choice((*ANY, *CLEAN)), rng, MAKERS)
        ids = {
            name: LOOKALIKES["GLADLY_ID"](rng) for name in ("id", "customerId", "conversationId")
        }
        times = {name: LOOKALIKES["ISO"](rng) for name in ("timestamp", "updatedAt")}
        other: dict[str, Any] = {
            "orderNumber": LOOKALIKES["EPOCH"](rng),
            "trackingNumber": LOOKALIKES["PARCEL"](rng),
            "skus": [LOOKALIKES["SKU"](rng), LOOKALIKES["EAN"](rng)],
            "total": rng.randint(1, 99_999) / 100,
            "requestId": LOOKALIKES["UUID"](rng),
            "author": word(rng).title(),
        }
        content = {"type": "CHAT_MESSAGE", "content": said.text}
        value = {**ids, **times, "attributes": other, "content": content}
        kept = (*ids.values(), *times.values(), *other["skus"], other["requestId"])
        yield Record(
            value,
            tuple(said.text[w.start : w.end] for w in said.wanted),
            tuple(said.text[s.start : s.end] for s in said.spared),
            (*kept, other["orderNumber"], other["trackingNumber"]),
        )


def split_documents(rng: Random, count: int) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Cards and numbers in pieces over members, items and messages, with the pieces."""
    for index in range(count):
        if index % 2:
            number = MAKERS["CARD"](rng).replace(" ", "").replace("-", "")
            sizes: tuple[int, ...] = rng.choice(((8, 20), (4, 4, 4, 20), (4, 20), (12, 20)))
        else:
            number = re.sub(r"[^+\d]", "", phone(rng))
            number = "+" + number[2:] if number.startswith("00") else number
            number = number.removeprefix("1")
            sizes = (5, 20) if number.startswith("+") else (3, 3, 20)
        found, rest = [], number
        for size in sizes:
            found.append(rest[:size])
            rest = rest[size:]
        found = [piece for piece in found if piece]
        shapes: tuple[Any, ...] = (
            found,
            {f"part{n}": piece for n, piece in enumerate(found)},
            [{"id": LOOKALIKES["GLADLY_ID"](rng), "text": piece} for piece in found],
            {"items": [{"content": {"body": piece}} for piece in found]},
        )
        yield rng.choice(shapes), tuple(found)
