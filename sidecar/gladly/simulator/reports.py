"""Gladly's reports: CSV files about contacts, agents and tasks.

Gladly documents the sets of metrics by name, not their columns. Here there are three kinds: of
agents, of tasks, and, for all others, of contacts with the customer's telephone number and e-mail;
the columns bear the names that Gladly's help pages and clients show, and others like them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from starlette.responses import Response

from sidecar.gladly.simulator.answers import blank, error, invalid, several
from sidecar.gladly.simulator.call import Call, moment
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

LEVELS = ("halfHourly", "daily", "weekly", "monthly", "quarterly")
SESSION_COLUMNS = (
    "id",
    "contact_session_id",
    "contact_session_created_at",
    "customer_id",
    "conversation_id",
    "inbox_id",
    "channel",
    "direction",
    "agent_accepted_at",
    "contact_session_routed_at",
    "agent_id",
    "sla_fulfilled_at",
    "contact_session_ended_at",
    "status",
    "within_sla",
    "work_session_handle_time_sec",
    "work_session_after_contact_time_sec",
    "work_session_unknown_time_sec",
)
"""Columns that Gladly names for the work-session report."""

_WHOSE = ("Customer ID", "Customer Name", "Customer Phone", "Customer Email")
_AGENT = ("Agent ID", "Name", "Email", "Agent", "Agent Email", "Contacts Fulfilled")
_ASSIGNED = (
    "Initiator Agent Name",
    "Initiator Agent Name - Created",
    "Assigned Agent Name",
    "Assigned Agent Name - Current",
    "Newly Assigned Agent Name",
)
_TASK = ("Task ID", "Created At", "Status", *_WHOSE, *_ASSIGNED, "Content")
_CONTACT = (
    *("Contact ID", "Created At", "Conversation ID", "Status"),
    *_WHOSE,
    *("Phone Number", "Inbox Name", "Agent Name"),
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SET = re.compile(r"[A-Z][A-Za-z0-9]{2,60}")
_BY_NUMBER = {"IVRExecutiveSummaryReportV2", "IvrEndStatesReportV2"}


def create_report(call: Call) -> Response:
    """200 with a CSV file of the days from `startAt` to `endAt`, both included.

    Every name in the form of a metric set is taken for one; the list grows with Gladly.
    """
    body = call.body
    name, level = body.get("metricSet"), body.get("aggregationLevel", "daily")
    if not name:
        return several(400, error("metricSet", "blank", "metricSet must be specified"))
    start, end = _day(body.get("startAt")), _day(body.get("endAt"))
    if start is None or end is None:
        return invalid("endAt" if start else "startAt", "the date must have the form YYYY-mm-dd")
    if errors := [*_set_errors(name, level, body.get("filters")), *_place_errors(call)]:
        return several(400, *errors)
    if end < start:
        return invalid("startAt", "endAt must not be before startAt")
    columns, rows = _table(call.world, str(name), start.isoformat(), end.isoformat())
    file = f"{name}-{start:%Y%m%d}-{end:%Y%m%d}-{str(level).capitalize()}.csv"
    return _csv(columns, rows, file)


def create_session_report(call: Call) -> Response:
    """200 with a CSV file of the work sessions that ended, or else began, within the times."""
    start, end = (moment(call.body.get(name)) for name in ("startAtTime", "endAtTime"))
    if start is None or end is None:
        return blank("endAtTime" if start else "startAtTime")
    if end <= start:
        return invalid("startAtTime", "endAtTime must occur after startAtTime")
    rows = [_session(call.world, row) for row in call.world.where("conversations")]
    kept = [row for row in rows if (at := _anchor(row)) and start <= at <= end]
    return _csv(SESSION_COLUMNS, kept, "WorkSessionEvents.csv")


def _anchor(session: JsonObject) -> datetime | None:
    ended = session["contact_session_ended_at"]
    return moment(ended or session["contact_session_created_at"])


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _set_errors(name: object, level: object, filters: object) -> list[JsonObject]:
    """Everything wrong with what is asked for, at once, as Gladly tells it."""
    if not isinstance(name, str) or not _SET.fullmatch(name):
        detail = "the specified value is not a valid metric set"
        return [error("metricSet", "invalid", detail)]
    if not isinstance(filters or {}, dict):
        return [error("filters", "invalid", "filters is not an object")]
    errors = []
    if isinstance(filters, dict) and "phoneNumber" in filters and name not in _BY_NUMBER:
        detail = f"the phoneNumber filter cannot be applied to the {name} metricSet"
        errors.append(error("filters.phoneNumber", "invalid", detail))
    if level not in LEVELS:
        detail = "the specified value is not a valid aggregation level"
        errors.append(error("aggregationLevel", "invalid", detail))
    return errors


def _place_errors(call: Call) -> list[JsonObject]:
    filters = call.body.get("filters")
    errors = []
    for name, table, noun in (("inboxes", "inboxes", "inbox"), ("teams", "teams", "team")):
        asked = filters.get(name) if isinstance(filters, dict) else None
        rows = asked if isinstance(asked, list) else [] if asked is None else [asked]
        if not all(call.world.get(table, id_) for id_ in rows):
            detail = f"the requested {noun} does not exist"
            errors.append(error(f"filters.{name}", "present", detail))
    return errors


def _table(world: World, name: str, start: str, end: str) -> tuple[Sequence[str], list[JsonObject]]:
    """The columns of a report, and its rows for these days."""
    if name.startswith("Agent"):
        return _AGENT, [_agent(agent) for agent in world.where("agents")]
    if name.startswith("Task"):
        tasks = world.where("tasks")
        return _TASK, [_task(world, row) for row in tasks if start <= row["timestamp"][:10] <= end]
    rows = world.where("conversations")
    kept = [_contact(world, row) for row in rows if start <= row["createdAt"][:10] <= end]
    return _CONTACT, kept


def _agent(agent: JsonObject) -> JsonObject:
    whom = (agent["name"], agent["emailAddress"])
    return dict(zip(_AGENT, (agent["id"], *whom, *whom, 7), strict=True))


def _task(world: World, task: JsonObject) -> JsonObject:
    values = (task["id"], task["timestamp"], task["status"], *_customer(world, task["customerId"]))
    agents = [_name(world, "agents", task["assignee"].get("agentId"))] * len(_ASSIGNED)
    return dict(zip(_TASK, (*values, *agents, task["body"]), strict=True))


def _contact(world: World, talk: JsonObject) -> JsonObject:
    contact = world.id_of(f"contact/{talk['id']}")
    values = (contact, talk["createdAt"], talk["id"], talk["status"])
    customer = _customer(world, talk["customerId"])
    inbox = _name(world, "inboxes", talk["inboxId"])
    names = (inbox, _name(world, "agents", talk.get("agentId")))
    return dict(zip(_CONTACT, (*values, *customer, customer[2], *names), strict=True))


def _customer(world: World, id_: str) -> tuple[str, ...]:
    customer = world.get("customers", id_) or {}
    phones, emails = customer.get("phones") or [{}], customer.get("emails") or [{}]
    contacts = phones[0].get("normalized", ""), emails[0].get("original", "")
    return (id_, customer.get("name", ""), *contacts)


def _name(world: World, table: str, id_: object) -> str:
    record = world.get(table, id_)
    return str(record["name"]) if record else ""


def _session(world: World, conversation: JsonObject) -> JsonObject:
    ended = conversation.get("closedAt", "")
    row = {
        "id": world.id_of(f"session/{conversation['id']}"),
        "contact_session_id": world.id_of(f"contact/{conversation['id']}"),
        "contact_session_created_at": conversation["createdAt"],
        "customer_id": conversation["customerId"],
        "conversation_id": conversation["id"],
        "inbox_id": conversation["inboxId"],
        "channel": "MESSAGING",
        "direction": "INBOUND",
        "agent_accepted_at": conversation["createdAt"],
        "contact_session_routed_at": conversation["createdAt"],
        "agent_id": conversation.get("agentId", ""),
        "sla_fulfilled_at": ended,
        "contact_session_ended_at": ended,
        "status": "FULFILLED" if ended else "UNFULFILLED",
        "within_sla": str(bool(ended)).lower(),
    }
    seconds = [name for name in SESSION_COLUMNS if name.endswith("_sec")]
    return row | dict.fromkeys(seconds, 60 if ended else "")


def _csv(columns: Iterable[str], rows: Iterable[JsonObject], file: str) -> Response:
    """A CSV file (RFC 4180) with one line of column names, also where there are no rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    headers = {"Content-Disposition": f"attachment; filename={file}"}
    return Response(text.getvalue(), headers=headers, media_type="text/csv")
