"""The road: ten numbered steps in `road`, and in `inspection` what step 9 does to one message."""

from sidecar.pipeline.road import Durability, Organs, Road

__all__ = ["Durability", "Organs", "Road"]
