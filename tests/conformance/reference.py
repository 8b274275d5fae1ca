"""Run the reference server with tasks: `python -m conformance.reference FOLDER PORT`.

It is served with h11, as in a plain install of its SDK. uvicorn would take httptools where that is
installed, as here; httptools leaves blanks at the end of header values, which the suite objects to.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from typing import Any

from conformance.tasks import Tasks


def main(folder: str, port: str) -> None:
    """Serve until killed."""
    sys.modules["httptools"] = None  # type: ignore[assignment]  # how Python marks what is not there
    sys.path.insert(0, folder)
    server: Any = import_module("mcp_everything_server.server").mcp
    # Extensions are for the constructor, which the server's module has called already.
    server._apply_extension(Tasks())
    server._install_extension_interceptor()
    sys.argv = ["everything-server", "--port", port, "--log-level", "ERROR"]
    runpy.run_module("mcp_everything_server", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
