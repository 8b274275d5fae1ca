"""The operational log: whatever logs, and however, leaves scrubbed and through one handler.

Over 300 lines: every library has its way past a handler.
"""

import asyncio
import gc
import io
import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import structlog
from console import loggers_as_before
from sealed import Scribe

from sidecar import log
from sidecar.audit import anchors
from sidecar.audit.sinks import Anchors
from sidecar.errors import ConfigError

EMAIL = "ann.canary@example.org"
TOKEN = "tok_C4N4RY_7d0f1e"
FOREIGN = (
    "uvicorn",
    "uvicorn.error",
    "httpx2",
    "httpcore2",
    "aiohttp",
    "asyncio",
    "mcp",
    "py.warnings",
)


def scrub(text: str) -> str:
    return text.replace(EMAIL, "[EMAIL]").replace(TOKEN, "[TOKEN]")


@pytest.fixture(autouse=True)
def as_before():
    with loggers_as_before():
        yield


@pytest.fixture(params=["json", "console"])
def stream(request):
    stream = io.StringIO()
    log.configure("debug", request.param, scrub, stream)
    return stream


@pytest.fixture
def lines():
    """The JSON lines so far."""
    stream = io.StringIO()
    log.configure("debug", "json", scrub, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("form", ["json", "console"])
def test_anchors_are_lines_of_json_whatever_level_and_format_the_log_has(form):
    stream = io.StringIO()
    log.configure("error", form, scrub, stream)
    structlog.get_logger("sidecar.audit").warning("not told")
    scribe = Scribe()
    note = scribe.checkpoint()
    Anchors().send(scribe.lines)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["note"] == note
    assert len(anchors.read(line)) == 1


def test_anchors_are_added_to_a_file_of_their_own_that_only_its_owner_reads(tmp_path):
    stream, file = io.StringIO(), tmp_path / "anchors"
    file.write_text("before\n")
    log.configure("warning", "console", scrub, stream)
    log.anchors_to(tmp_path / "new")
    log.anchors_to(file)
    scribe = Scribe()
    note = scribe.checkpoint()
    Anchors().send(scribe.lines)
    before, line = file.read_text().splitlines()
    assert (before, json.loads(line)["note"], stream.getvalue()) == ("before", note, "")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_an_anchor_that_its_file_does_not_take_is_told_in_the_log():
    stream = io.StringIO()
    log.configure("error", "json", scrub, stream)
    log.anchors_to(Path("/dev/full"))
    scribe = Scribe()
    note = scribe.checkpoint()
    Anchors().send(scribe.lines)
    assert json.loads(stream.getvalue())["note"] == note


def test_a_file_of_anchors_that_cannot_be_opened_stops_the_start(tmp_path):
    log.configure("error", "json", scrub, io.StringIO())
    with pytest.raises(ConfigError, match="anchors_file"):
        log.anchors_to(tmp_path)


def assert_scrubbed(stream: io.StringIO, marks: int = 1) -> None:
    text = stream.getvalue()
    assert EMAIL not in text
    assert TOKEN not in text
    assert text.count("[EMAIL]") + text.count("[TOKEN]") + text.count("withheld]") >= marks
    assert log.LOST not in text


def test_our_own_events_leave_scrubbed(stream):
    structlog.get_logger("sidecar.pipeline").info(
        f"seen {EMAIL}", url=f"https://b/mcp/{TOKEN}", nested={"a": [EMAIL]}, obj=ValueError(EMAIL)
    )
    assert_scrubbed(stream, marks=4)


def test_context_leaves_scrubbed(stream):
    structlog.contextvars.bind_contextvars(caller=EMAIL)
    structlog.get_logger().info("bound")
    assert_scrubbed(stream)


@pytest.mark.parametrize("name", FOREIGN)
def test_what_libraries_log_leaves_scrubbed(stream, name):
    logging.getLogger(name).warning("GET %s for %s", f"https://b/{TOKEN}", EMAIL)
    assert_scrubbed(stream, marks=2)


@pytest.mark.parametrize("name", FOREIGN)
def test_handlers_of_other_loggers_are_taken_away(name):
    other = io.StringIO()
    logger = logging.getLogger(name)
    logger.addHandler(logging.StreamHandler(other))
    logger.propagate = False
    logger.disabled = True
    stream = io.StringIO()
    log.configure("debug", "json", scrub, stream)
    logger.warning(EMAIL)
    assert not other.getvalue()
    assert_scrubbed(stream)


def test_a_child_logger_made_later_is_covered(stream):
    logging.getLogger("uvicorn.error.later").error(EMAIL, extra={"other": TOKEN})
    assert_scrubbed(stream)


def test_a_traceback_with_its_causes_leaves_scrubbed_and_without_locals(stream):
    def fail() -> None:
        held_in_a_local = "local-canary" + "-value"
        try:
            dict[str, str]()[EMAIL]
        except KeyError as error:
            raise RuntimeError(f"https://b/?t={TOKEN}", len(held_in_a_local)) from error

    try:
        fail()
    except RuntimeError:
        logging.getLogger("aiohttp.server").exception("failed")
        structlog.get_logger().exception("failed")
    assert_scrubbed(stream, marks=4)
    assert stream.getvalue().count("Traceback") >= 2
    assert stream.getvalue().count("It was the cause of") == 2
    assert "local-canary-value" not in stream.getvalue()


def test_an_exception_group_leaves_scrubbed(stream):
    group = ExceptionGroup(EMAIL, [ValueError(TOKEN)])
    structlog.get_logger().error("failed", exc_info=group)
    assert_scrubbed(stream, marks=2)


def test_warnings_leave_scrubbed(stream):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = logging._showwarning  # type: ignore[attr-defined]  # pytest took it
        warnings.warn(f"about {EMAIL}", UserWarning, stacklevel=1)
    assert_scrubbed(stream)


def test_an_uncaught_error_leaves_scrubbed(stream):
    sys.excepthook(ValueError, ValueError(EMAIL), None)
    assert_scrubbed(stream)
    assert "uncaught error" in stream.getvalue()


def test_ctrl_c_is_not_logged(stream):
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not stream.getvalue()


def test_an_uncaught_error_in_a_thread_leaves_scrubbed(stream):
    def fail() -> None:
        raise ValueError(EMAIL)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert_scrubbed(stream)


def test_an_error_in_a_finalizer_leaves_scrubbed(stream):
    class Broken:
        def __del__(self) -> None:
            raise ValueError(EMAIL)

        def __repr__(self) -> str:
            return TOKEN

    Broken()
    gc.collect()
    assert_scrubbed(stream)


def test_an_error_that_nobody_awaited_leaves_scrubbed(stream):
    async def fail() -> None:
        raise ValueError(EMAIL)

    async def main() -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    asyncio.run(main())
    assert_scrubbed(stream)
    assert "never retrieved" in stream.getvalue()


def test_requests_of_ours_are_not_logged_with_their_urls(stream):
    async def main() -> None:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200))
        async with httpx2.AsyncClient(transport=transport) as client:
            await client.get(f"https://u:{TOKEN}@b.example/?mail={EMAIL}")

    asyncio.run(main())
    assert "b.example" not in stream.getvalue()


@pytest.mark.parametrize("name", ["httpx2", "httpcore2.http11", "mcp.server", "uvicorn.access"])
def test_loggers_that_show_whole_messages_stay_at_warning(stream, name):
    logging.getLogger(name).info("whole message")
    assert not stream.getvalue()


def test_a_level_that_was_set_for_a_chatty_child_is_taken_back():
    logging.getLogger("httpcore2.connection").setLevel(logging.DEBUG)
    stream = io.StringIO()
    log.configure("debug", "json", scrub, stream)
    logging.getLogger("httpcore2.connection").debug("headers")
    assert not stream.getvalue()


def test_configuring_again_writes_each_line_once():
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger("early")
    log.configure("info", "json", scrub, first)
    log.configure("info", "json", scrub, second)
    logger.info("once")
    assert not first.getvalue()
    assert second.getvalue().count("once") == 1


def test_a_line_of_json_says_when_who_and_how_bad(lines):
    structlog.get_logger("sidecar.app").warning("started", port=8080)
    logging.getLogger("uvicorn.error").warning("up %d", 1)
    ours, theirs = lines()
    assert (ours["event"], ours["level"], ours["port"]) == ("started", "warning", 8080)
    assert (ours["logger"], theirs["logger"]) == ("sidecar.app", "uvicorn.error")
    assert theirs["event"] == "up 1"
    assert ours["timestamp"].endswith("Z")


def test_a_level_below_the_configured_one_is_not_written():
    stream = io.StringIO()
    log.configure("warning", "json", scrub, stream)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    assert not stream.getvalue()


def test_line_ends_in_a_value_do_not_make_lines(lines):
    structlog.get_logger().info("a\nb\r\nc\u2028d")
    assert [line["event"] for line in lines()] == ["a\nb\r\nc\u2028d"]


def test_a_value_after_a_line_end_is_seen_as_it_is():
    seen: list[str] = []

    def remember(text: str) -> str:
        seen.append(text)
        return text

    log.configure("info", "json", remember, io.StringIO())
    structlog.get_logger().info("number\n4111")
    assert any("\n4111" in text for text in seen)


def test_a_lone_surrogate_is_written_and_not_lost(lines):
    structlog.get_logger().info("a\ud800b")
    assert lines()[0]["event"] == "a\ud800b"


def test_a_line_that_cannot_be_scrubbed_is_withheld(capsys):
    def broken(text: str) -> str:
        raise ValueError(text)

    stream = io.StringIO()
    log.configure("info", "json", broken, stream)
    structlog.get_logger().info(EMAIL)
    assert stream.getvalue() == log.LOST
    assert EMAIL not in "".join(capsys.readouterr())


def test_a_line_whose_arguments_do_not_fit_is_withheld(capsys):
    stream = io.StringIO()
    log.configure("info", "json", scrub, stream)
    logging.getLogger("mcp").warning("%d", EMAIL)
    assert stream.getvalue() == log.LOST
    assert EMAIL not in "".join(capsys.readouterr())


def test_the_log_goes_to_standard_error_by_default(capsys):
    log.configure("info", "json", scrub)
    structlog.get_logger().info(EMAIL)
    out, err = capsys.readouterr()
    assert not out
    assert "[EMAIL]" in err


def test_a_hook_that_is_called_without_an_error_says_nothing(stream):
    threading.excepthook(threading.ExceptHookArgs((SystemExit, None, None, None)))
    sys.unraisablehook(SimpleNamespace(exc_type=ValueError, exc_value=None, exc_traceback=None))
    assert not stream.getvalue()
