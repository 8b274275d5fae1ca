"""Gladly's REST API in memory, as documented: faults and contradictions included.

    app             the ASGI application: every endpoint over one world
    routes          which function plays which of the eighty operations
    gate            around every request: record, rate limit, fault, credential, latency
    quota           requests a second of each method, reports a minute and at once
    faults          which next requests go wrong, and how
    control         reset and faults over HTTP, outside Gladly's paths
    world           the records, and what was asked
    seed            what is there at the start, the same for the same seed
    call, checks    one request, read; what is refused whatever the endpoint
    answers         the three error shapes, empty 404s, bodiless creates, capped lists

The other modules are groups of endpoints: pure functions from a `Call` to a response. Where
Gladly's documentation is silent or contradicts itself, the docstring of the endpoint says so.
"""

from sidecar.gladly.simulator.app import simulator, utc_now
from sidecar.gladly.simulator.faults import Fault, Faults
from sidecar.gladly.simulator.gate import THROTTLED
from sidecar.gladly.simulator.ids import ids
from sidecar.gladly.simulator.quota import Clock
from sidecar.gladly.simulator.world import World

__all__ = ["THROTTLED", "Clock", "Fault", "Faults", "World", "ids", "simulator", "utc_now"]
