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

_NAT64: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


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
        is_nat64 = any(address in network for network in _NAT64)
        if is_nat64 or address.sixtofour or address.teredo or address.scope_id:
            return False
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if may_be_private:
        return address.is_global or address.is_private
    return address.is_global
