"""The customers: six who have names in the world, and a crowd behind one telephone number."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.gladly.simulator.seed.planted import everything
from sidecar.model import JsonObject

DELIVERY_PHONE = "+14155550198"
CALLER_PHONE = "+14155550132"
CROWD_PHONE = "+14155550188"
CROWD = 51
"""One more than a search answers."""

_FIRST = ("Ada", "Bo", "Cleo", "Dev", "Edda", "Finn", "Gwen", "Hal", "Iris", "Jon")
_LAST = ("Ahlgren", "Bianchi", "Castro", "Dietz", "Ekwall", "Fox")


def customers(id_of: Ids) -> Table:
    """All of them."""
    named = [
        _delivery(id_of),
        _customer(id_of("customer/caller"), "Tomas Okafor", CALLER_PHONE),
        _customer(id_of("customer/merged"), "Ingrid Vale", "+14155550144"),
        _customer(id_of("customer/waiting"), "Noor Haddad", "+14155550155"),
        _customer(id_of("customer/busy"), "Pia Sorensen", "+14155550166"),
    ]
    return by_id([*named, *(_one_of_the_crowd(id_of, n) for n in range(1, CROWD + 1))])


def _delivery(id_of: Ids) -> JsonObject:
    """The profile with a value in every field that a profile can have."""
    customer = _customer(id_of("customer/delivery"), "Mara Lindqvist", DELIVERY_PHONE)
    office = {
        "original": "(415) 555-0177",
        "normalized": "+14155550177",
        "extension": "204",
        "regionCode": "US",
        "type": "OFFICE",
        "smsPreference": "OFF",
    }
    attributes = {
        "tier": "VIP",
        "lastOrder": "8812",
        "birthday": "1984-02-17",
        "deliveryNote": everything("Leave it with the neighbour."),
    }
    return customer | {
        "image": "https://images.sample-store.example/mara-lindqvist.jpg",
        "phones": [*customer["phones"], office],
        "externalCustomerId": "legacy-0198",
        "customAttributes": attributes,
    }


def _customer(id_: str, name: str, phone: str) -> JsonObject:
    mailbox = name.lower().replace(" ", ".")
    primary = {"original": phone, "normalized": phone, "regionCode": "US", "primary": True}
    return {
        "id": id_,
        "name": name,
        "address": f"{int(phone[-3:])} Harbor Street, Oakland, CA 94607",
        "emails": [
            {
                "original": f"{mailbox}@example.com",
                "normalized": f"{mailbox}@example.com",
                "primary": True,
            },
            {"original": f"{mailbox}@work.example", "normalized": f"{mailbox}@work.example"},
        ],
        "phones": [primary | {"type": "MOBILE", "smsPreference": "ON"}],
        "externalCustomerIds": {"store": f"C-{phone[-4:]}"},
        "customAttributes": {"tier": "standard", "lastOrder": "8812"},
        "createdAt": "2025-03-01T09:00:00.000Z",
        "updatedAt": f"2026-10-{int(phone[-2:]) % 28 + 1:02d}T09:00:00.000Z",
    }


def _one_of_the_crowd(id_of: Ids, number: int) -> JsonObject:
    name = f"{_FIRST[number % 10]} {_LAST[number // 10]}"
    address = f"crowd.{number}@example.com"
    office = {"original": CROWD_PHONE, "normalized": CROWD_PHONE, "type": "OFFICE"}
    return {
        "id": id_of(f"customer/crowd/{number}"),
        "name": name,
        "address": f"{number} Wharf Road, Oakland, CA 94607",
        "emails": [{"original": address, "normalized": address, "primary": True}],
        "phones": [office | {"extension": f"{number:03d}"}],
        "externalCustomerIds": {"store": f"X-{number:04d}"},
        "customAttributes": {"tier": "standard"},
        "createdAt": "2025-06-01T09:00:00.000Z",
        "updatedAt": f"2026-09-{(number - 1) % 28 + 1:02d}T{number // 28:02d}:00:00.000Z",
    }
