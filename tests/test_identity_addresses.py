"""Addresses that keys may come from: public ones, or private ones where the settings say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.identity.addresses import allowed

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.9",
    "192.168.1.1",
    "127.0.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
]
NEVER = [
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:a9fe:a9fe::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "2600::5efe:a00:1",
    "2600::200:5efe:a00:1",
    "fec0::1",
    "168.63.129.16",
    "2001:0:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_always_be_asked(address):
    assert allowed([address], may_be_private=False) == (address,)
    assert allowed([address], may_be_private=True) == (address,)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_may_be_asked_inside_the_cluster_alone(address):
    assert allowed([address], may_be_private=False) == ()
    assert allowed([address], may_be_private=True) == (address,)


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_clouds_links_groups_and_tunnels_are_never_asked(address):
    assert allowed([address], may_be_private=False) == ()
    assert allowed([address], may_be_private=True) == ()


@pytest.mark.parametrize("bad", PRIVATE + NEVER)
def test_one_bad_address_among_good_ones_refuses_all(bad):
    assert allowed([*PUBLIC, bad], may_be_private=False) == ()


def test_a_name_without_an_address_is_not_asked():
    assert allowed([], may_be_private=True) == ()


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str))
def test_whatever_is_allowed_outside_is_allowed_inside(address):
    outside = allowed([address], may_be_private=False)
    assert outside in ((), (address,))
    assert set(outside) <= set(allowed([address], may_be_private=True))
