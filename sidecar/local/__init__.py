"""Everything on this machine: programs as children of one, and what a person needs to use them.

processes   start this distribution's programs, wait until they listen, end them
folder      what is kept between two runs: secrets, an endpoint, settings, the audit log
up          Gladly's backend and a sidecar before it, for one person
connect     client configuration for an endpoint
asking      one question over the network, bounded in time and size
doctor      what is wrong with a sidecar that runs, or does not
"""

from sidecar.local.folder import Folder, Gladly
from sidecar.local.processes import Processes

__all__ = ["Folder", "Gladly", "Processes"]
