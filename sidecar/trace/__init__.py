"""Walk one recorded message through the ten steps, and show what each took and gave.

The road, the catalog, the policies, the token check, the redaction and an audit log are the real
ones; only the backend is a recording. `recording` reads the file, `walking` puts the road together,
`steps` says what is shown of each step.
"""

from sidecar.trace.walking import walk

__all__ = ["walk"]
