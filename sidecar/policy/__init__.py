"""Facts to Decision: Rego decides, behind one small protocol with two engines.

`bundle` reads Rego and data, `load` checks what it read (`site`, `site_data` and `references` say
what a site must not do), `facts` writes the input document, `embedded` and `server` are the two
engines, `sealed` is the layer no Rego can widen, and `decide` puts the layers together.
"""

from sidecar.policy.bundle import Bundle, SiteRule, read
from sidecar.policy.decide import Engine, Policy
from sidecar.policy.embedded import Embedded
from sidecar.policy.facts import Facts
from sidecar.policy.load import load
from sidecar.policy.server import Server

__all__ = ["Bundle", "Embedded", "Engine", "Facts", "Policy", "Server", "SiteRule", "load", "read"]
