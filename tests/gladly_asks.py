"""A request for each operation of Gladly's that succeeds, and one for each error that it documents.

`"@customer/delivery"` anywhere in a request stands for the id behind that label of the seed's.
Over 300 lines: two tables that are read beside gladly_operations.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import yaml
from gladly_fixtures import Gladly

from sidecar.gladly.simulator import World

DOCUMENTED = yaml.safe_load((Path(__file__).parent / "gladly_operations.yaml").read_text())
OPERATIONS = {one["operation"]: one for one in DOCUMENTED["operations"]}

DUE = "2026-12-24T12:00:00Z"
TASK = {"body": "Call back", "dueAt": DUE, "assignee": {"inboxId": "@inbox/support"}}
ACTIVITY = {"content": {"type": "CUSTOMER_ACTIVITY", "activityType": "ISSUE", "title": "Form"}}
HOURS = {"name": "Summer", "officeHours": {"timezone": "Europe/Berlin"}}
DAYS = {"metricSet": "ContactSummaryReport", "startAt": "2026-11-01", "endAt": "2026-11-05"}
EVENTS: dict[str, Any] = {"startAt": "2026-11-10T00:00:00Z", "entities": ["TASK", "CONVERSATION"]}
WEBHOOK = {"url": "https://hooks.sample-store.example/new", "events": ["CONVERSATION/CLOSED"]}
SMS = {"customer": {"mobileNumber": "+14155550198"}, "from": "+14155550100", "body": "On its way"}
EMAIL: dict[str, Any] = {
    "to": [{"email": "mara.lindqvist@example.com"}],
    "from": "help@sample-store.example",
    "subject": "Order 8812",
    "body": {"text": "On its way"},
}
RECIPIENTS = {
    "name": "Spring",
    "startAfter": DUE,
    "recipients": [
        {"customerName": "Mara", "emailAddress": "mara@example.com", "timezone": "Europe/Berlin"}
    ],
}


@dataclass(frozen=True)
class Ask:
    """One request: what stands in the path's braces, body, query, and what happens before."""

    ids: tuple[str, ...] = ()
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    before: Callable[[World], None] | None = None

    def __call__(self, gladly: Gladly, verb: str, path: str) -> httpx2.Response:
        """Ask it of the operation."""
        if self.before:
            self.before(gladly.world)
        waiting = [resolved(gladly, one) for one in self.ids]
        filled = re.sub(r"\{\w+\}", lambda _: waiting.pop(0), path)
        assert not waiting
        options: dict[str, Any] = {"params": self.query} if self.query else {}
        if self.body is not None:
            options["json"] = resolved(gladly, self.body)
        return gladly(verb, filled, **options)


def ask(*ids: str, body: Any = None, before: Callable[[World], None] | None = None, **query: Any):
    """An `Ask`; keywords are the query."""
    return Ask(ids, body, query, before)


def resolved(gladly: Gladly, value: Any) -> Any:
    """The value with ids in place of labels."""
    if isinstance(value, str):
        return gladly.id_of(value[1:]) if value.startswith("@") else value
    if isinstance(value, list):
        return [resolved(gladly, one) for one in value]
    if isinstance(value, dict):
        return {key: resolved(gladly, one) for key, one in value.items()}
    return value


def _needs_topics(world: World) -> None:
    world.needs_topics = True


def _used_by(use: str) -> Callable[[World], None]:
    def before(world: World) -> None:
        world.uses[world.id_of("answer/Gift cards")] = use

    return before


def _in_closed_conversation(world: World) -> None:
    id_ = world.id_of("conversation/sms")
    world.put("conversations", world.tables["conversations"][id_] | {"status": "CLOSED"})


REPLY = {"type": "SMS", "body": "We send it today."}
LONG = "x" * 30_000
CARDS = "@answer/Gift cards"
SHIPPING = "@answer/International shipping delays"
CHECKS = "@answer/Identity checks"
PUBLIC = (CARDS, "en-us", "public")

SUCCESSES: dict[str, Ask] = {
    "findCustomers": ask(phoneNumber="+14155550198"),
    "createCustomer": ask(body={"name": "New", "emails": [{"original": "New@example.com"}]}),
    "getCustomer": ask("@customer/delivery"),
    "updateCustomer": ask("@customer/caller", body={"name": "T. Okafor"}),
    "deleteCustomer": ask("@customer/caller"),
    "getConversations": ask("@customer/delivery"),
    "getConversation": ask("@conversation/sms"),
    "patchConversation": ask("@conversation/sms", body={"status": {"value": "CLOSED"}}),
    "getConversationItems": ask("@conversation/channels"),
    "getItem": ask("@item/channel/email"),
    "createItem": ask(body=ACTIVITY | {"customer": {"emailAddress": "new@example.com"}}),
    "createCustomerItem": ask("@customer/delivery", body=ACTIVITY),
    "deleteItem": ask("@item/channel/customer-activity"),
    "deleteCustomerItem": ask("@customer/delivery", "@item/channel/customer-activity"),
    "getVoiceTranscript": ask("@item/verified-call"),
    "getMedia": ask("@item/verified-call"),
    "getAttachment": ask("@item/channel/email", "@attachment/photo"),
    "addTopicToConversation": ask("@conversation/sms", body={"topicIds": ["@topic/returns"]}),
    "deleteTopicFromConversation": ask("@conversation/sms", "@topic/delivery"),
    "updateConversationCustomAttributes": ask(
        "@customer/delivery",
        "@conversation/sms",
        body={"add": [{"key": "ORDER_ID", "value": "8641"}]},
    ),
    "addNoteToConversation": ask("@conversation/sms", body={"body": "Called back."}),
    "getNoteFromConversation": ask("@conversation/sms", "@item/note"),
    "replyToMessage": ask("@item/sms", body={"content": REPLY}),
    "redactContent": ask("@item/card"),
    "createTask": ask("@customer/delivery", body=TASK),
    "createTaskAndCustomer": ask(body=TASK | {"customer": {"mobilePhone": "+14155550122"}}),
    "getTasks": ask("@customer/caller", status="OPEN"),
    "getTask": ask("@task/qa"),
    "updateTask": ask("@task/qa", body={"status": "CLOSED"}),
    "createTaskComment": ask("@task/qa", body={"agentId": "@agent/qa", "comment": "Done."}),
    "getTaskComments": ask("@task/qa"),
    "getTaskComment": ask("@task/qa", "@comment/qa"),
    "listAnswers": ask("@organization"),
    "searchAnswers": ask("@organization", q="customs days"),
    "getAnswer": ask("@organization", CARDS),
    "getAnswerTitles": ask("@organization", "@help-center/main"),
    "addAnswer": ask(body={"name": "Sizes", "audienceIds": ["@audience/vip"]}),
    "getAnswerById": ask(CARDS),
    "updateAnswer": ask(CARDS, body={"description": "All about gift cards"}),
    "deleteAnswer": ask(CARDS),
    "getAnswerContentByLanguageAndType": ask(*PUBLIC),
    "addAnswerContentByLanguageAndType": ask(*PUBLIC, body={"bodyHtml": "<p>Forever.</p>"}),
    "deleteAnswerContentByLanguageAndType": ask(*PUBLIC),
    "getAgents": ask(),
    "getAgent": ask("@agent/front"),
    "getAgentCallRecording": ask("@agent/front"),
    "updateAgentCallRecording": ask("@agent/front", body={"recording": False}),
    "getOrganization": ask(),
    "getInboxes": ask(),
    "getInbox": ask("@inbox/support"),
    "getTeams": ask(),
    "getTeam": ask("@team/quality"),
    "getTopics": ask(),
    "addTopic": ask(body={"name": "Sizes", "parentId": "@topic/returns"}),
    "getTopic": ask("@topic/retired"),
    "updateTopic": ask("@topic/returns", body={"name": "Returned goods"}),
    "getAudiences": ask(),
    "getCustomAttribute": ask("@attribute/order"),
    "getBusinessHours": ask(),
    "createBusinessHours": ask(body=HOURS),
    "getBusinessHoursById": ask("@business-hours/main"),
    "updateBusinessHours": ask("@business-hours/holidays", body=HOURS | {"version": 1}),
    "deleteBusinessHours": ask("@business-hours/holidays"),
    "sendSMS": ask(body=SMS),
    "sendEmail": ask(body=EMAIL),
    "createUserIdentityJWT": ask(body={"identityType": "EMAIL", "identity": "mara@example.com"}),
    "createRecipientCollection": ask("@campaign/spring", body=RECIPIENTS),
    "findSchedules": ask(),
    "findJobs": ask(status="COMPLETED"),
    "getJob": ask("@job/finished"),
    "deleteJob": ask("@job/finished"),
    "getFile": ask("@job/finished", "customers.jsonl"),
    "listEvents": ask(**EVENTS),
    "generateReport": ask(body=DAYS),
    "generateWorkSessionReport": ask(
        body={"startAtTime": "2026-09-01T00:00Z", "endAtTime": "2026-11-05T00:00Z"}
    ),
    "createWebhook": ask(body=WEBHOOK),
    "getWebhooks": ask(),
    "getWebhook": ask("@webhook/disabled"),
    "updateWebhook": ask("@webhook/disabled", body={"enabled": True}),
    "deleteWebhook": ask("@webhook/disabled"),
}
"""By operation, a request that succeeds on the seeded world."""

_SET_INBOX = {"assignee": {"inboxId": "@inbox/support", "agentId": "@agent/billing"}}
_CONTENT_PATHS = [
    ask(CARDS, "English", "public"),
    ask(CARDS, "fr-fr", "public"),
    ask(CARDS, "en-us", "poster"),
]
_IN_USE = [
    ask(*PUBLIC, before=_used_by("rules")),
    ask(*PUBLIC, before=_used_by("thread")),
    ask(SHIPPING, "en-us", "public"),
]

ERRORS: dict[str, list[Ask]] = {
    "findCustomers": [ask()],
    "createCustomer": [ask(body={}), ask(body={"id": "@customer/caller", "name": "X"})],
    "getCustomer": [ask("@customer/before-merge"), ask("nobody")],
    "updateCustomer": [
        ask("@customer/caller", body={}),
        ask("nobody", body={"name": "X"}),
        ask("@customer/before-merge", body={"name": "X"}),
    ],
    "deleteCustomer": [ask("@customer/waiting")],
    "getConversation": [ask("x")],
    "patchConversation": [
        ask("@conversation/sms", body={"assignee": {}, "status": {}}),
        ask("@conversation/sms", body=_SET_INBOX),
        ask("@conversation/chat", body={"assignee": {"inboxId": "@inbox/support"}}),
        ask(
            "@conversation/long",
            body={"status": {"value": "CLOSED"}},
            before=_needs_topics,
        ),
        ask("@conversation/waiting", body={"status": {"value": "CLOSED"}}),
        ask("x", body={"status": {"value": "CLOSED"}}),
    ],
    "getConversationItems": [ask("x")],
    "getItem": [ask("@item/unsupported"), ask("x")],
    "createItem": [
        ask(body={}),
        ask(body=ACTIVITY | {"id": "@item/sms", "customer": {"emailAddress": "a@example.com"}}),
    ],
    "createCustomerItem": [
        ask("@customer/before-merge", body=ACTIVITY),
        ask("@customer/delivery", body={}),
        ask("nobody", body=ACTIVITY),
        ask("@customer/delivery", body=ACTIVITY | {"id": "@item/sms"}),
    ],
    "deleteItem": [ask("x")],
    "deleteCustomerItem": [ask("@customer/caller", "@item/channel/customer-activity")],
    "getVoiceTranscript": [ask("@item/sms")],
    "getMedia": [ask("@item/sms")],
    "getAttachment": [ask("@item/verified-call", "@attachment/photo"), ask("@item/sms", "x")],
    "addTopicToConversation": [
        ask("@conversation/sms", body={}),
        ask("x", body={"topicIds": ["@topic/returns"]}),
    ],
    "deleteTopicFromConversation": [ask("x", "@topic/returns")],
    "updateConversationCustomAttributes": [
        ask("@customer/delivery", "@conversation/sms", body={}),
        ask(
            "@customer/delivery",
            "@conversation/sms",
            body={"add": [{"key": "NONE", "value": "1"}]},
        ),
        ask("@customer/caller", "@conversation/sms", body={}),
    ],
    "addNoteToConversation": [ask("@conversation/sms", body={}), ask("x", body={"body": "y"})],
    "getNoteFromConversation": [ask("@conversation/sms", "@item/sms")],
    "replyToMessage": [
        ask("@item/sms", body={"content": REPLY}, before=_in_closed_conversation),
        ask("@item/note", body={"content": REPLY}),
        ask("@item/sms", body={"content": REPLY | {"type": "VOICEMAIL"}}),
        ask("@item/sms", body={"content": {"body": "x"}}),
        ask("@item/sms", body={"content": REPLY | {"body": "x" * 2049}}),
        ask("x", body={"content": REPLY}),
    ],
    "redactContent": [ask("x")],
    "createTask": [
        ask("@customer/delivery", body={}),
        ask("nobody", body=TASK),
        ask("@customer/delivery", body=TASK | {"id": "@task/qa"}),
    ],
    "createTaskAndCustomer": [ask(body={})],
    "getTasks": [ask("@customer/caller", status="LOST"), ask("nobody")],
    "getTask": [ask("x")],
    "updateTask": [ask("@task/qa", body={}), ask("x", body={"status": "CLOSED"})],
    "createTaskComment": [ask("@task/qa", body={}), ask("x", body={"comment": "x"})],
    "getTaskComments": [ask("x")],
    "getTaskComment": [ask("@task/done", "@comment/qa")],
    "addAnswer": [
        ask(body={"id": "a/b", "name": "Sizes"}),
        ask(body={}),
        ask(body={"name": "x" * 501}),
        ask(body={"name": "Sizes", "description": LONG}),
        ask(body={"id": CARDS, "name": "Sizes"}),
        ask(body={"name": "Gift cards"}),
    ],
    "getAnswerById": [ask("x")],
    "updateAnswer": [
        ask(CARDS, body={}),
        ask(CARDS, body={"name": "Returns"}),
        ask(CARDS, body={"name": "x" * 501}),
        ask(CARDS, body={"description": LONG}),
        ask("x", body={"name": "Sizes"}),
    ],
    "deleteAnswer": [ask(CHECKS), ask(CARDS, before=_used_by("thread")), ask(SHIPPING), ask("x")],
    "getAnswerContentByLanguageAndType": [
        *_CONTENT_PATHS,
        ask(CARDS, "en-us", "email"),
        ask("x", "en-us", "public"),
    ],
    "addAnswerContentByLanguageAndType": [
        *_CONTENT_PATHS,
        ask(CARDS, "en-us", "email", body={"bodyHtml": "x"}),
        ask("x", "en-us", "public", body={"bodyHtml": "x"}),
    ],
    "deleteAnswerContentByLanguageAndType": [
        *_CONTENT_PATHS,
        ask(CARDS, "en-us", "email"),
        *_IN_USE,
        ask("@answer/Returns", "es-419", "public"),
        ask("x", "en-us", "public"),
    ],
    "getAgentCallRecording": [ask("x")],
    "updateAgentCallRecording": [ask("x", body={"recording": True})],
    "addTopic": [
        ask(body={"id": "a/b", "name": "Sizes"}),
        ask(body={}),
        ask(body={"id": "@topic/returns", "name": "Sizes"}),
        ask(body={"name": "Returns"}),
    ],
    "getTopic": [ask("x")],
    "updateTopic": [
        ask("@topic/returns", body={"disabled": True}),
        ask("x", body={"name": "Sizes"}),
        ask("@topic/returns", body={"name": "Delivery"}),
    ],
    "getCustomAttribute": [ask("x")],
    "createBusinessHours": [ask(body=HOURS | {"officeHours": {"timezone": "Summer time"}})],
    "getBusinessHoursById": [ask("x")],
    "updateBusinessHours": [
        ask("@business-hours/main", body={}),
        ask("x", body=HOURS | {"version": 1}),
        ask("@business-hours/main", body=HOURS | {"version": 0}),
    ],
    "deleteBusinessHours": [ask("@business-hours/main"), ask("x")],
    "sendSMS": [ask(body={})],
    "sendEmail": [ask(body={})],
    "createUserIdentityJWT": [ask(body={})],
    "createRecipientCollection": [ask("x", body=RECIPIENTS)],
    "getJob": [ask("x")],
    "deleteJob": [ask("@job/running"), ask("x")],
    "getFile": [ask("@job/finished", "secrets.jsonl")],
    "listEvents": [ask(**EVENTS, endAt="2026-11-09T23:00:00Z")],
    "generateReport": [
        ask(body={}),
        ask(body=DAYS | {"filters": {"phoneNumber": "+14155550100"}, "aggregationLevel": "yearly"}),
        ask(body=DAYS | {"filters": {"inboxes": ["nowhere"]}}),
    ],
    "generateWorkSessionReport": [
        ask(body={"startAtTime": "2026-11-05T00:00Z", "endAtTime": "2026-11-05T00:00Z"})
    ],
    "createWebhook": [ask(body={})],
    "getWebhook": [ask("x")],
    "updateWebhook": [
        ask("@webhook/disabled", body={"url": "http://a.example"}),
        ask("x", body={}),
    ],
    "deleteWebhook": [ask("@webhook/enabled"), ask("x")],
}
"""By operation, a request for each documented error, in the order of `gladly_operations.yaml`."""
