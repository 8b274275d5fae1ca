"""The identity organ: endpoint token and bearer token become a verified Caller.

Its verb is *verify*. It also binds MCP sessions to callers, and makes the tokens that the command
line hands out. A caller who is refused never learns why; the refusal's detail, for the log, says
it as a slug.
"""

from sidecar.identity.bearer import Issuer, Workload
from sidecar.identity.bearers import Bearer, Bearers
from sidecar.identity.denylist import NOTHING as NOTHING_DENIED
from sidecar.identity.denylist import DenyList
from sidecar.identity.denylist import read as read_deny_list
from sidecar.identity.directory import Directory
from sidecar.identity.keys import Key, Keys, PublicKeys, SecretKey
from sidecar.identity.keyset import KeySet
from sidecar.identity.publisher import Publisher, Unpublished
from sidecar.identity.revocation import revoke
from sidecar.identity.sessions import Sessions
from sidecar.identity.tokens import (
    endpoint_hash,
    endpoint_key,
    endpoint_token,
    issue,
    new_endpoint_token,
)
from sidecar.identity.verifier import Verifier

__all__ = [
    "NOTHING_DENIED",
    "Bearer",
    "Bearers",
    "DenyList",
    "Directory",
    "Issuer",
    "Key",
    "KeySet",
    "Keys",
    "PublicKeys",
    "Publisher",
    "SecretKey",
    "Sessions",
    "Unpublished",
    "Verifier",
    "Workload",
    "endpoint_hash",
    "endpoint_key",
    "endpoint_token",
    "issue",
    "new_endpoint_token",
    "read_deny_list",
    "revoke",
]
