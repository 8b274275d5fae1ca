"""The provisioning API: endpoints over HTTP, for a gateway with many tenants.

`requests` reads what is asked, `gateway` does it, `store` and `records` keep it, `events` says what
the audit log holds of it, `application` and `openapi` put it on HTTP. An endpoint is in force from
the answer on, survives a restart, and is gone at its second or when it is deleted.
"""

from sidecar.provisioning.opening import opened
from sidecar.provisioning.records import Stored
from sidecar.provisioning.store import Store, read

__all__ = ["Store", "Stored", "opened", "read"]
