"""Lines A12 to A14: spellings of a tool's name, hidden tools, and other ways to name one."""

from __future__ import annotations

from hostile.request import (
    ALLOWED,
    CLAIM,
    HIDDEN,
    MARK,
    MODERN,
    REFUSED,
    UNCATALOGUED,
    Case,
    call,
)

_SPELLINGS = {
    "upper case": "CREATE_A_GLADLY_TASK",
    "title case": "Create_A_Gladly_Task",
    "a leading blank": " create_a_gladly_task",
    "a trailing blank": "create_a_gladly_task ",
    "a trailing line end": "create_a_gladly_task\\n",
    "a trailing tab": "create_a_gladly_task\\t",
    "a trailing NUL": "create_a_gladly_task\\u0000",
    "a NUL within": "create_a\\u0000_gladly_task",
    "full width": "\uff43reate_a_gladly_task",
    "a long s": "create_a_gladly_ta\u017fk",
    "a Kelvin sign": "create_a_gladly_tas\u212a",
    "a ligature of another": "create_a_g\ufb02adly_task",
    "a no-break space": "create_a_gladly_task\u00a0",
    "an ideographic space": "\u3000create_a_gladly_task",
    "mathematical letters": "\U0001d41create_a_gladly_task",
    "a zero-width space": "create_a_\u200bgladly_task",
    "a soft hyphen": "create_a_gladly\u00ad_task",
    "a Cyrillic letter": "cre\u0430te_a_gladly_task",
    "dashes": "create-a-gladly-task",
    "a prefix": "gladly__create_a_gladly_task",
    "a path": "gladly/create_a_gladly_task",
    "a path back": "list_all_gladly_tasks/../create_a_gladly_task",
    "two names": "list_all_gladly_tasks,create_a_gladly_task",
    "the allowed, NUL, the refused": "list_all_gladly_tasks\\u0000create_a_gladly_task",
    "percent": "create%5Fa_gladly_task",
    "the allowed in upper case": "LIST_ALL_GLADLY_TASKS",
    "empty": "",
    "100 kB": "create_a_gladly_task" + " " * 100_000,
}

SPELLINGS = tuple(Case("A12", name, call(f'"{spelt}"')) for name, spelt in _SPELLINGS.items())

HIDDENS = (
    Case("A13", "a destructive tool", call(HIDDEN)),
    Case("A13", "a tool of no catalog", call(UNCATALOGUED)),
    Case("A13", "a writing tool", call()),
    *(
        Case(
            "A13",
            f"modern {name}",
            call(name, params=f",{CLAIM}"),
            MODERN.replace("create_a_gladly_task", name.strip('"')),
        )
        for name in (REFUSED, HIDDEN, UNCATALOGUED)
    ),
    Case("A13", "upper case of a hidden one", call(HIDDEN.upper())),
)


def _wrapped(inside: str, *, name: str = '"call_tool"') -> Case:
    return Case("A14", f"{name} of {inside.replace(MARK, '{}')}", call(name, arguments=inside))


_TOOL = f'"tool_name":{REFUSED},"arguments":{MARK}'
_META = '"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}'

OTHER_WAYS = (
    Case("A14", "a task", call(params=',"task":{"ttl":60000}')),
    Case("A14", "a task, null", call(params=',"task":null')),
    Case("A14", "a task of a modern call", call(params=f',"task":{{}},{CLAIM}'), MODERN),
    Case(
        "A14",
        "a retry",
        call(params=',"inputResponses":{"x":{"action":"accept"}},"requestState":"s"'),
    ),
    Case(
        "A14",
        "a modern retry",
        call(params=f',"inputResponses":{{}},"requestState":"s",{CLAIM}'),
        MODERN,
    ),
    Case("A14", "a related task", call(params=f",{_META}")),
    Case(
        "A14",
        "progress asked for",
        call(params=',"_meta":{"progressToken":"create_a_gladly_task"}'),
    ),
    Case(
        "A14", "the refused name in the arguments", call(ALLOWED, arguments=f'{{"name":{REFUSED}}}')
    ),
    Case(
        "A14",
        "the refused name beside",
        call(ALLOWED, params=f',"tool":{REFUSED},"tool_name":{REFUSED}'),
    ),
    Case("A14", "the allowed name beside", call(params=f',"tool":{ALLOWED},"toolName":{ALLOWED}')),
    Case(
        "A14", "a prototype of params", call(ALLOWED, params=f',"__proto__":{{"name":{REFUSED}}}')
    ),
    Case(
        "A14",
        "a prototype and no name",
        call().replace('"name":', '"__proto__":{"name":1},"name":'),
    ),
    Case("A14", "a constructor", call(params=',"constructor":{"prototype":{"x":1}}')),
    Case("A14", "a name in _meta", call(params=f',"_meta":{{"name":{ALLOWED}}}')),
    _wrapped(f"{{{_TOOL}}}"),
    _wrapped(f'{{"tool_name":{HIDDEN},"arguments":{MARK}}}'),
    _wrapped(f'{{"tool_name":{ALLOWED},{_TOOL}}}'),
    _wrapped(f'{{{_TOOL},"tool_name":{ALLOWED}}}'),
    _wrapped(f'{{"tool_name":{ALLOWED},"Tool_Name":{REFUSED},"arguments":{MARK}}}'),
    _wrapped(f'{{"tool_name":"call_tool","arguments":{{{_TOOL}}}}}'),
    _wrapped(f'{{"tool_name":"CALL_TOOL","arguments":{{{_TOOL}}}}}'),
    _wrapped(f'{{"tool_name":[{REFUSED}],"arguments":{MARK}}}'),
    _wrapped(f"{{{_TOOL}}}", name='"Call_Tool"'),
    _wrapped(f"{{{_TOOL}}}", name='"call_tool "'),
    _wrapped(f"{{{_TOOL}}}", name='"call_tool\\u0000"'),
    _wrapped(f"{{{_TOOL}}}", name='"search_tools"'),
    _wrapped(f"{{{_TOOL}}}", name='"get_tool_schema"'),
    *(
        Case("A14", method, call(method=f'"{method}"'))
        for method in (
            "tasks/result",
            "tasks/create",
            "tasks/update",
            "completion/complete",
            "prompts/get",
            "resources/read",
            "sampling/createMessage",
            "tools/list",
            "initialize",
            "ping",
            "logging/setLevel",
            "notifications/message",
            "server/discover",
            "subscriptions/listen",
        )
    ),
)

CASES = SPELLINGS + HIDDENS + OTHER_WAYS
