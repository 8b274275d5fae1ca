"""The road: ten numbered steps in `road`, and in `inspection` what step 9 does to one message."""

from sidecar.pipeline.backend import Backends
from sidecar.pipeline.floods import Floods
from sidecar.pipeline.listing import read
from sidecar.pipeline.organs import Organs, Rules
from sidecar.pipeline.records import Durability, Watch
from sidecar.pipeline.road import Road
from sidecar.pipeline.survey import Survey, Surveys

__all__ = [
    "Backends",
    "Durability",
    "Floods",
    "Organs",
    "Road",
    "Rules",
    "Survey",
    "Surveys",
    "Watch",
    "read",
]
