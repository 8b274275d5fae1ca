"""Which addresses keys may be fetched from, so that nobody makes us ask where only we can reach.

A host of the public internet must have public addresses, all of them. One that the settings list as
inside the cluster may have private ones. Neither may lead to link-local addresses, where clouds
keep their metadata, or to addresses that carry another one inside (OWASP, "SSRF Prevention"; MCP
"Security Best Practices"). The library parses; nothing here reads an address as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_CARRIERS: Final = tuple(
    map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96"))
)
"""NAT64, IPv4-compatible and IPv4-translated addresses: an IPv4 address stands in their end."""

_ISATAP: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
_OF_CLOUDS: Final = frozenset({ip_address("168.63.129.16")})
"""Public by their number, and yet a cloud's own inside of it."""


def allowed(addresses: Iterable[str], *, may_be_private: bool) -> tuple[str, ...]:
    """The addresses, if every one of them may be asked; else none.

    One bad address among good ones refuses all: a name that resolves both ways is an attack.
    """
    found = tuple(addresses)
    is_good = all(_is_good(ip_address(one), may_be_private=may_be_private) for one in found)
    return found if is_good else ()


def _is_good(address: IPv4Address | IPv6Address, *, may_be_private: bool) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_good(address.ipv4_mapped, may_be_private=may_be_private)
        if _carries_another(address) or address.is_site_local or address.scope_id:
            return False
    if (
        address in _OF_CLOUDS
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    ):
        return False
    if may_be_private:
        return address.is_global or address.is_private
    return address.is_global


def _carries_another(address: IPv6Address) -> bool:
    is_carrier = any(address in network for network in _CARRIERS) and not address.is_loopback
    is_isatap = address.packed[8:12] in _ISATAP
    return is_carrier or is_isatap or bool(address.sixtofour or address.teredo)
