"""What the simulated organisation holds at the start: pure data, the same for the same seed.

people          customers
talk            what was said in the conversations of the two workflows
channels        one conversation with an item of each content type
crowds          one record over each cap
work            tasks and comments
directory       agents, inboxes, teams, topics, audiences, attributes, business hours
knowledge       answers, their content, the help centre
integrations    export jobs, webhooks, campaigns
planted         the personal data in all of it
"""

from __future__ import annotations

from functools import lru_cache

from sidecar.gladly.simulator.ids import Table, ids
from sidecar.gladly.simulator.seed import (
    channels,
    crowds,
    directory,
    integrations,
    knowledge,
    people,
    talk,
    work,
)
from sidecar.model import JsonObject

Tables = dict[str, Table]
"""Table name -> id -> record, each in Gladly's own form."""


def tables(seed: str) -> Tables:
    """Every table of the seeded world. Labels of the ids stand in the modules of this folder.

    Tables are the caller's own; records are shared, since nobody changes one in place.
    """
    return {name: dict(table) for name, table in _tables(seed).items()}


@lru_cache(maxsize=4)
def _tables(seed: str) -> Tables:
    id_of = ids(seed)
    return {
        "customers": people.customers(id_of),
        "conversations": {
            **talk.conversations(id_of),
            **channels.conversations(id_of),
            **crowds.conversations(id_of),
        },
        "items": {**talk.items(id_of), **channels.items(id_of), **crowds.items(id_of)},
        "transcripts": {**talk.transcripts(id_of), **channels.transcripts(id_of)},
        "tasks": {**work.tasks(id_of), **crowds.tasks(id_of)},
        "comments": {**work.comments(id_of), **crowds.comments(id_of)},
        "agents": directory.agents(id_of),
        "recorders": directory.recorders(id_of),
        "inboxes": directory.inboxes(id_of),
        "teams": directory.teams(id_of),
        "topics": directory.topics(id_of),
        "audiences": directory.audiences(id_of),
        "attributes": directory.attributes(id_of),
        "hours": directory.hours(id_of),
        "answers": knowledge.answers(id_of),
        "contents": knowledge.contents(id_of),
        "help_centers": knowledge.help_centers(id_of),
        "schedules": integrations.schedules(id_of),
        "jobs": integrations.jobs(id_of),
        "webhooks": integrations.webhooks(id_of),
        "campaigns": integrations.campaigns(id_of),
        "collections": {},
    }


def organization(seed: str) -> JsonObject:
    """The one organisation."""
    return directory.organization(ids(seed))


def members(seed: str) -> dict[str, set[str]]:
    """Which agents work in which inbox, by id."""
    return directory.members(ids(seed))


def uses(seed: str) -> dict[str, str]:
    """Which answers cannot be deleted, and what uses them."""
    return knowledge.uses(ids(seed))
