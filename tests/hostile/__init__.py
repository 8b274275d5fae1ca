"""Hostile requests as data, the servers that they are meant for, and the socket that sends them."""

from hostile import bodies, framings, heads, messages, naming
from hostile.request import Case

CASES: tuple[Case, ...] = (
    *bodies.CASES,
    *messages.CASES,
    *naming.CASES,
    *heads.CASES,
    *framings.CASES,
)
