"""The operational log with the real scrubber, and whatever a library does to get around it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.config
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pydantic
import pytest
import structlog
import uvicorn
from console import loggers_as_before
from wire import answer, fixed, served

from sidecar import log, redaction
from sidecar.errors import Refusal

NAME = "Zelda Quickcanary"
EMAIL = "zelda.canary@leak.example"
TOKEN = "0123456789abcdef0123456789abcdef"
SECRETS = ("Quickcanary", "zelda.canary", TOKEN, "hunter2")


@pytest.fixture
def told() -> Iterator[Callable[[], str]]:
    """What the log has said so far, at level debug."""
    stream = io.StringIO()
    with loggers_as_before():
        log.configure("debug", "json", redaction.scrub, stream)
        yield stream.getvalue


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret.casefold() in text.casefold()]


def test_a_server_that_configures_logging_itself_changes_nothing(told, capsys):
    uvicorn.Config(lambda: None)
    logger = logging.getLogger("uvicorn.access")
    assert logger.handlers, "uvicorn has put its own handlers back"
    logger.error('%s - "%s %s HTTP/%s" %d', "::1", "GET", f"/mcp/{TOKEN}?mail={EMAIL}", "1.1", 200)
    logging.getLogger("uvicorn.error").error("for %s", EMAIL)
    assert leaked(told()) == []
    assert told().count("\n") == 2
    assert "".join(capsys.readouterr()) == ""


def test_a_configuration_of_the_root_logger_changes_nothing(told):
    other = io.StringIO()
    handlers = {"h": {"class": "logging.StreamHandler", "stream": other}}
    root = {"handlers": ["h"], "level": "DEBUG"}
    logging.config.dictConfig({"version": 1, "handlers": handlers, "root": root})
    logging.getLogger("made.now").error("for %s", EMAIL)
    assert not other.getvalue()
    assert leaked(told()) == []
    assert "made.now" in told()


@pytest.mark.parametrize("name", ["made.later", "uvicorn.error.child", "httpx2.child", "sidecar.x"])
def test_a_logger_made_later_with_a_handler_of_its_own_is_covered(told, name):
    other = io.StringIO()
    logger = logging.getLogger(name)
    logger.addHandler(logging.StreamHandler(other))
    logger.propagate = False
    logger.error("for %s", EMAIL)
    assert not other.getvalue()
    assert leaked(told()) == []
    assert "[EMAIL]" in told()


def fail_in_a_chain() -> None:
    held_in_a_local = [NAME]
    try:
        dict[str, str]()[held_in_a_local[0]]
    except KeyError:
        error = ValueError(NAME)
        error.add_note(f"seen with {EMAIL} and {NAME}")
        raise RuntimeError(f"for {NAME}") from error


def fail_in_a_group() -> None:
    inner = ExceptionGroup(NAME, [KeyError(NAME), OSError(2, f"for {EMAIL}")])
    raise ExceptionGroup("several", [inner, ValueError(NAME)])


def fail_in_pydantic() -> None:
    class Row(pydantic.BaseModel):
        count: int
        names: list[int]

    Row.model_validate({"count": NAME, "names": {NAME: EMAIL}})


def fail_in_json() -> None:
    json.loads(f'{{"name": "{NAME}", ')


def fail_in_orjson() -> None:
    orjson.loads(f'{{"name": "{NAME}", ')


def fail_in_http() -> None:
    request = httpx2.Request("GET", f"https://u:hunter2@b.example/x?name={NAME}&t={TOKEN}")
    httpx2.Response(404, request=request).raise_for_status()


def fail_in_text() -> None:
    NAME.encode() + b"\xff".decode().encode()


FAILURES: tuple[Callable[[], None], ...] = (
    fail_in_a_chain,
    fail_in_a_group,
    fail_in_pydantic,
    fail_in_json,
    fail_in_orjson,
    fail_in_http,
    fail_in_text,
)


@pytest.mark.parametrize("fail", FAILURES)
def test_a_traceback_tells_the_type_and_place_and_no_word_of_the_data(told, fail):
    try:
        fail()
    except Exception as error:
        logging.getLogger("aiohttp.server").exception("failed")
        structlog.get_logger().exception("failed")
        kind = type(error).__name__
    (first, second) = (json.loads(line) for line in told().splitlines())
    assert leaked(told()) == []
    assert first["exception"] == second["exception"]
    assert kind in first["exception"]
    assert fail.__name__ in first["exception"]


def test_our_own_errors_and_those_about_code_and_files_keep_their_words(told):
    for error in (
        Refusal("the backend closed the connection"),
        FileNotFoundError(2, "No such file or directory", "/etc/sidecar/pins.json"),
        AttributeError("'NoneType' object has no attribute 'value'"),
    ):
        logging.getLogger("x").error("failed", exc_info=error)
    assert "closed the connection" in told()
    assert "/etc/sidecar/pins.json" in told()
    assert "no attribute" in told()


def test_a_traceback_of_errors_that_lead_to_each_other_ends(told):
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    logging.getLogger("x").error("failed", exc_info=first)
    assert "(and more)" in told()


def test_what_asyncio_shows_of_tasks_and_callbacks_is_left_out(told):
    async def fail(name: str) -> None:
        raise ValueError(name)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(json.loads, f'"{NAME}')
        task = asyncio.ensure_future(fail(NAME))
        await asyncio.wait([task])
        loop.call_exception_handler({"message": f"lost <{NAME}>", "handle": NAME, "task": task})

    asyncio.run(main())
    assert "Exception in callback" in told()
    assert "lost" in told()
    assert leaked(told()) == []


@pytest.mark.parametrize("name", ["httpx2", "httpcore2"])
@pytest.mark.anyio
@pytest.mark.sockets
async def test_at_level_debug_the_clients_show_no_url_no_header_and_no_credential(told, name):
    logging.getLogger(name).setLevel(logging.DEBUG)
    location = f"https://u:hunter2@b.example/mcp/{TOKEN}?name=Quickcanary&mail={EMAIL}"
    reply = answer(
        b"{}", set_cookie=f"sid={TOKEN}; Path=/", location=location,
        www_authenticate=f'Bearer realm="{EMAIL}"', mcp_param_name=NAME,
    )  # fmt: skip
    async with served(fixed(reply)) as wire, httpx2.AsyncClient(trust_env=False) as http:
        url = wire.url.replace("http://", "http://zelda:hunter2@")
        await http.get(f"{url}/mcp/{TOKEN}?name={NAME}", headers={"mcp-param-n": NAME})
    assert f'"logger": "{name}' in told()
    assert leaked(told()) == []


IN_A_PROCESS = f"""
import asyncio, faulthandler, gc, logging, os, resource, sys, threading, warnings
from sidecar import dumps, log, redaction
dumps.forbid()
log.configure("debug", "json", redaction.scrub)
limits = resource.getrlimit(resource.RLIMIT_CORE)
status = open("/proc/self/status").read()
print(limits, "dumpable", os.stat("/proc/self/environ").st_uid)
def in_a_thread(name): raise ValueError(name)
thread = threading.Thread(target=in_a_thread, args=("{NAME}",))
thread.start(); thread.join()
warnings.warn("about {EMAIL}")
class Broken:
    def __init__(self, name): self.name = name
    def __repr__(self): return self.name
    def __del__(self): raise ValueError(self.name)
Broken("{NAME}"); gc.collect()
faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
def last(name, mail):
    held = [name, mail]
    {{}}[tuple(held)]
last("{NAME}", "{EMAIL}")
"""


@pytest.mark.sockets
def test_a_process_that_dies_says_nothing_personal_and_leaves_no_core(tmp_path: Path):
    """Its source text stands in the tracebacks: it comes from a file that is gone by then."""
    script = tmp_path / "dies.py"
    script.write_text(f"import os, sys\nos.unlink({str(script)!r})\n{IN_A_PROCESS}")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "(0, 0)" in done.stdout
    assert done.stderr.count("uncaught error") == 3
    assert "dies.py" in done.stderr
    assert "File" in done.stderr
    assert leaked(done.stderr + done.stdout) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_was_changed_for_a_test_stays() -> None:
    called: Any = logging.Logger.callHandlers
    with loggers_as_before():
        log.configure("info", "json", redaction.scrub, io.StringIO())
        assert logging.Logger.callHandlers is not called
        assert threading.excepthook is not threading.__excepthook__
    assert logging.Logger.callHandlers is called
