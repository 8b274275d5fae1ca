"""Personal data as people really write it, to be planted in every text: made up, and recognisable.

Numbers are of the range reserved for fiction (555-01xx) in a real area, so that a number checker
accepts them; mail domains are reserved for examples (RFC 2606), the address for documentation
(RFC 5737); the card is the networks' test number.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "Mara Lindqvist"
EMAIL: Final = "mara.lindqvist@example.com"
PHONE: Final = "+1 415-555-0198"
ADDRESS: Final = "198 Harbor Street, Oakland, CA 94607"
CARD: Final = "4111 1111 1111 1111"
PIN: Final = "my PIN is 4827"
SECRET: Final = "api_token=tk_" + "9fQ2mZx7Lr0bVw4Ke8Ns1Yd5Ht3Gc6Ua"
NETWORK: Final = "203.0.113.24"

PLANTED: Final = {
    "name": NAME,
    "email": EMAIL,
    "phone": PHONE,
    "address": ADDRESS,
    "card": CARD,
    "pin": PIN,
    "secret": SECRET,
    "network": NETWORK,
}
"""Every class of personal data, and how it stands in a text."""

SHORT: Final = f"{NAME}, {EMAIL}, {PHONE}"
"""What fits into a title."""

LINK: Final = "https://shop.sample-store.example/orders/8812?email=mara.lindqvist%40example.com"


def everything(lead: str) -> str:
    """A text that begins with `lead` and holds every class."""
    return (
        f"{lead} I am {NAME}, {ADDRESS}. Write to {EMAIL} or call {PHONE}. Card {CARD}, {PIN}. "
        f"Portal: {SECRET} from {NETWORK}."
    )
