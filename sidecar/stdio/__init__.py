"""`sidecar stdio`: the same road for one client on standard input and output.

`bridge` turns lines into requests of the road and its replies into lines; `pipes` are the two ends;
`serve` opens the sidecar, and a backend where the folder of `sidecar up` says whose, around both.
"""

from sidecar.stdio.serve import Source, serve

__all__ = ["Source", "serve"]
