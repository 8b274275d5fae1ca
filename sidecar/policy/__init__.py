"""Facts to Decision: Rego decides, behind one small protocol with several engines.

`bundle` reads Rego and data (`archive` out of a `bundle.tar.gz`), `load` checks what it read, by
`checking`. `facts` writes the input document, `embedded` evaluates it here and `opa` in a server,
`sealed` and `bounds` are the layer that no Rego can widen, and `decide` puts the layers together.
What is on trial beside them is `shadow`. While serving, `renewal` takes up what is newer, unless it
would turn too much of what `window` has kept. `comparing` is for people: what a policy does.

What speaks to a server is imported by whoever asks for it first: a command that only reads rules
starts without an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sidecar.policy.bundle import Bundle, SiteRule, read
from sidecar.policy.decide import Policy
from sidecar.policy.embedded import Embedded
from sidecar.policy.engine import Engine
from sidecar.policy.facts import Facts
from sidecar.policy.load import load
from sidecar.policy.renewal.candidate import Candidate
from sidecar.policy.renewal.folder import CONFIRMED, Folder
from sidecar.policy.renewal.generation import DIGITS, Generation, Generations, Standing
from sidecar.policy.renewal.guard import Guard, Turned, listed
from sidecar.policy.renewal.renewing import Record, Source
from sidecar.policy.shadow import promoted, shadow_rules, unguarded
from sidecar.policy.window import Window

if TYPE_CHECKING:
    from sidecar.policy.opa.both import Both
    from sidecar.policy.opa.server import Server
    from sidecar.policy.renewal.bundle_source import Address, BundleSource

__all__ = [
    "CONFIRMED",
    "DIGITS",
    "Address",
    "Both",
    "Bundle",
    "BundleSource",
    "Candidate",
    "Embedded",
    "Engine",
    "Facts",
    "Folder",
    "Generation",
    "Generations",
    "Guard",
    "Policy",
    "Record",
    "Server",
    "SiteRule",
    "Source",
    "Standing",
    "Turned",
    "Window",
    "listed",
    "load",
    "promoted",
    "read",
    "shadow_rules",
    "unguarded",
]

_LATER: Final = {
    "Address": "renewal.bundle_source",
    "Both": "opa.both",
    "BundleSource": "renewal.bundle_source",
    "Server": "opa.server",
}


def __getattr__(name: str) -> Any:
    """Import what was left for later.

    Raises:
        AttributeError: there is no such name.
    """
    if name not in _LATER:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
