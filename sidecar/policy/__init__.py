"""Facts to Decision: Rego decides, behind one small protocol with two engines.

`bundle` reads Rego and data, `load` checks what it read (`site`, `site_data` and `references` say
what a site must not do), `facts` writes the input document, `embedded` and `server` are the two
engines (`client` speaks to OPA, `breaker` stops asking while it is down, `both` asks both),
`sealed` is the layer no Rego can widen, `bounds` says what is too large to be judged (`timing` how
long a policy takes for the largest that is not), and `decide` puts the layers together. What is on
trial beside them is `shadow`. While serving, `folder` notices a newer policy, `generation` takes it
up, and `guard` holds it back if it would turn too much of what `window` has kept; `candidate` takes
up a newer one that is only on trial.

What speaks to a server is imported by whoever asks for it first: a command that only reads rules
starts without an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sidecar.policy.bundle import Bundle, SiteRule, read
from sidecar.policy.candidate import Candidate
from sidecar.policy.decide import Engine, Policy
from sidecar.policy.embedded import Embedded
from sidecar.policy.facts import Facts
from sidecar.policy.folder import CONFIRMED, Folder
from sidecar.policy.generation import DIGITS, Generation, Generations, Standing
from sidecar.policy.guard import Guard, Turned, listed
from sidecar.policy.load import load
from sidecar.policy.renewing import Record, Source
from sidecar.policy.shadow import promoted, shadow_rules, unguarded
from sidecar.policy.window import Window

if TYPE_CHECKING:
    from sidecar.policy.both import Both
    from sidecar.policy.bundle_source import Address, BundleSource
    from sidecar.policy.server import Server

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
    "Address": "bundle_source",
    "Both": "both",
    "BundleSource": "bundle_source",
    "Server": "server",
}


def __getattr__(name: str) -> Any:
    """Import what was left for later.

    Raises:
        AttributeError: there is no such name.
    """
    if name not in _LATER:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
