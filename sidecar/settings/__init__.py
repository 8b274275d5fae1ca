"""Every setting, validated at start, with every problem reported at once.

A YAML file holds the settings; an environment variable `SIDECAR_SECTION__KEY` overrides one of
them, and a list is written there as JSON. Secrets are never settings: a setting names the file
that holds one. `secret` reads it once, `Rotating` again whenever it changes. Nothing else in the
program reads the environment.
"""

from sidecar.settings.access import DEFAULT_ACCOUNT, Bearer, Endpoint, Issuer, Kubernetes
from sidecar.settings.certificates import server_tls
from sidecar.settings.document import dotted
from sidecar.settings.files import Rotating, secret, shipped, stamp
from sidecar.settings.headers import headers_in
from sidecar.settings.kinds import SecretUrl, token_in, url_in
from sidecar.settings.listening import Admin, Listen, Listening, Provisioning
from sidecar.settings.loading import load
from sidecar.settings.redaction import Redaction
from sidecar.settings.sections import (
    Account,
    Audit,
    Backend,
    Catalog,
    Limits,
    Log,
    Policy,
    Target,
)
from sidecar.settings.table import table
from sidecar.settings.telemetry import Telemetry
from sidecar.settings.whole import Settings

__all__ = [
    "DEFAULT_ACCOUNT",
    "Account",
    "Admin",
    "Audit",
    "Backend",
    "Bearer",
    "Catalog",
    "Endpoint",
    "Issuer",
    "Kubernetes",
    "Limits",
    "Listen",
    "Listening",
    "Log",
    "Policy",
    "Provisioning",
    "Redaction",
    "Rotating",
    "SecretUrl",
    "Settings",
    "Target",
    "Telemetry",
    "dotted",
    "headers_in",
    "load",
    "secret",
    "server_tls",
    "shipped",
    "stamp",
    "table",
    "token_in",
    "url_in",
]
