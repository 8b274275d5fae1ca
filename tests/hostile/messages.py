"""Lines A3 to A8 and A11: what the JSON says, read by one parser or by another."""

from __future__ import annotations

from hostile.request import (
    ALLOWED,
    CALL,
    CLAIM,
    MARK,
    MODERN,
    MODERN_CALL,
    REFUSED,
    Case,
    call,
)

GOOD = call(ALLOWED, number="2")
_SILENT = (
    f'{{"jsonrpc":"2.0","method":"tools/call","params":{{"name":{REFUSED},"arguments":{MARK}}}}}'
)
_HELLO = (
    '{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-03-26",'
    '"capabilities":{},"clientInfo":{"name":"x","version":"1"}}}'
)
_FULL = "".join(f"\\u{ord(letter):04x}" for letter in "create_a_gladly_task")


def _batch(name: str, *items: str, headers: str = "") -> Case:
    return Case("A3", name, f"[{','.join(items)}]", headers)


def _version(value: str) -> str:
    return f"MCP-Protocol-Version: {value}"


BATCHES = (
    _batch("of none"),
    _batch("of one", CALL),
    _batch("of one, 2024-11-05", CALL, headers=_version("2024-11-05")),
    _batch("of one, 2025-03-26", CALL, headers=_version("2025-03-26")),
    _batch("of one, 2025-06-18", CALL, headers=_version("2025-06-18")),
    _batch("of one, 2025-11-25", CALL, headers=_version("2025-11-25")),
    _batch("of one, an unknown version", CALL, headers=_version("2099-01-01")),
    _batch("of one, modern header", CALL, headers=MODERN),
    _batch("of one modern call", MODERN_CALL, headers=MODERN),
    _batch("of two, the allowed first", GOOD, CALL),
    _batch("of two, the refused first", CALL, GOOD),
    _batch("of two with one id", GOOD.replace('"id":2', '"id":1'), CALL),
    _batch("of two notifications", _SILENT, _SILENT),
    _batch("of a request and a notification", GOOD, _SILENT),
    _batch("of three, 2025-03-26", GOOD, CALL, GOOD, headers=_version("2025-03-26")),
    _batch("with an initialize", _HELLO, CALL),
    _batch("with a response", '{"jsonrpc":"2.0","id":7,"result":{}}', CALL),
    _batch("with a scalar", "1", CALL),
    _batch("in a batch", f"[{CALL}]"),
    _batch("of a hundred", *[GOOD] * 99, CALL),
    _batch("of a hundred and one", *[GOOD] * 100, CALL),
    Case("A3", "after blanks", f" \n\t[{CALL}]"),
    Case("A3", "after a byte order mark", f"\ufeff[{CALL}]"),
    Case("A3", "as an object of numbers", f'{{"0":{CALL},"length":1}}'),
    Case(
        "A3", "as a member", f'{{"jsonrpc":"2.0","id":1,"method":"batch","params":{{"0":{CALL}}}}}'
    ),
    Case("A3", "lines of JSON", f"{GOOD}\n{CALL}\n"),
    Case("A3", "two values without a gap", f"{GOOD}{CALL}"),
    Case("A3", "two values after a comma", f"{GOOD},{CALL}"),
)


def _twice(name: str, old: str, new: str, body: str = CALL, headers: str = "") -> Case:
    assert old in body, old
    return Case("A4", name, body.replace(old, new, 1), headers)


_NAME = f'"name":{REFUSED}'
_METHOD = '"method":"tools/call"'
_PARAMS = f'"params":{{"name":{REFUSED},"arguments":{MARK}}}'

DUPLICATES = (
    _twice("name, the refused last", _NAME, f'"name":{ALLOWED},{_NAME}'),
    _twice("name, the refused first", _NAME, f'{_NAME},"name":{ALLOWED}'),
    _twice("name, the refused between", _NAME, f'"name":{ALLOWED},{_NAME},"name":{ALLOWED}'),
    _twice("name, escaped key last", _NAME, f'"name":{ALLOWED},"na\\u006de":{REFUSED}'),
    _twice("name, escaped key first", _NAME, f'"\\u006Eame":{REFUSED},"name":{ALLOWED}'),
    _twice("name, both escaped", _NAME, f'"n\\u0061me":{ALLOWED},"na\\u006de":{REFUSED}'),
    _twice("name, after the arguments", MARK, f'{MARK},"name":{ALLOWED}'),
    _twice("name, the first null", _NAME, f'"name":null,{_NAME}'),
    _twice("the same name twice", _NAME, f"{_NAME},{_NAME}"),
    _twice("method, the call last", _METHOD, f'"method":"ping",{_METHOD}'),
    _twice("method, the call first", _METHOD, f'{_METHOD},"method":"tools/list"'),
    _twice("method, escaped key", _METHOD, '"method":"ping","metho\\u0064":"tools/call"'),
    _twice("params, the refused last", _PARAMS, f'"params":{{"name":{ALLOWED}}},{_PARAMS}'),
    _twice("params, the refused first", _PARAMS, f'{_PARAMS},"params":{{"name":{ALLOWED}}}'),
    _twice("params, merged by some", _PARAMS, f'"params":{{"arguments":{{}}}},{_PARAMS}'),
    _twice("id", '"id":1', '"id":1,"id":2'),
    _twice("jsonrpc", '"jsonrpc":"2.0"', '"jsonrpc":"1.0","jsonrpc":"2.0"'),
    _twice("arguments", MARK, f'{{}},"arguments":{MARK}'),
    _twice("in the arguments", '"case":', '"a":1,"a":2,"case":'),
    _twice("deep in the arguments", '"case":', '"a":[{"b":{"c":1,"\\u0063":2}}],"case":'),
    _twice("of a modern name", _NAME, f'"name":{ALLOWED},{_NAME}', MODERN_CALL, MODERN),
    _twice("of the claim", CLAIM, f'"_meta":{{}},{CLAIM}', MODERN_CALL, MODERN),
    _twice(
        "in the claim",
        '"_meta":{',
        '"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25",',
        MODERN_CALL,
        MODERN,
    ),
)


def _folding(name: str, old: str, new: str) -> Case:
    return Case("A5", name, _twice(name, old, new).body)


FOLDING = (
    _folding("Name", _NAME, f'"name":{ALLOWED},"Name":{REFUSED}'),
    _folding("NAME first", _NAME, f'"NAME":{REFUSED},"name":{ALLOWED}'),
    _folding("full width", _NAME, f'"name":{ALLOWED},"\uff4eame":{REFUSED}'),
    _folding("a trailing NUL", _NAME, f'"name":{ALLOWED},"name\\u0000":{REFUSED}'),
    _folding("a leading NUL", _NAME, f'"name":{ALLOWED},"\\u0000name":{REFUSED}'),
    _folding("a trailing blank", _NAME, f'"name":{ALLOWED},"name ":{REFUSED}'),
    _folding("only Name", _NAME, f'"Name":{REFUSED}'),
    _folding("Method", _METHOD, '"method":"ping","Method":"tools/call"'),
    _folding("only METHOD", _METHOD, '"METHOD":"tools/call"'),
    _folding("Params", _PARAMS, f'"params":{{"name":{ALLOWED}}},"Params":{{"name":{REFUSED}}}'),
    _folding(
        "long s in params",
        _PARAMS,
        f'"params":{{"name":{ALLOWED}}},' + _PARAMS.replace("ms", "m\u017f", 1),
    ),
    _folding("Arguments", MARK, f'{{}},"Arguments":{MARK}'),
    _folding("ID", '"id":1', '"ID":1'),
    _folding("JSONRPC", '"jsonrpc"', '"JSONRPC"'),
    _folding("a member of no JSON-RPC", '"id":1', f'"id":1,"name":{REFUSED}'),
    _folding("a prototype", '"id":1', '"id":1,"__proto__":{"method":"tools/call"}'),
)

ESCAPES = (
    Case("A6", "one letter of the name", call('"\\u0063reate_a_gladly_task"')),
    Case("A6", "every letter of the name", call(f'"{_FULL}"')),
    Case("A6", "in upper case", call('"create\\u005Fa_gladly_task"')),
    Case("A6", "the method's slash", call(method='"tools\\/call"')),
    Case("A6", "a letter of the method", call(method='"\\u0074ools/call"')),
    Case("A6", "the slash by number", call(method='"tools\\u002fcall"')),
    Case("A6", "the key name", CALL.replace('"name"', '"\\u006e\\u0061me"')),
    Case("A6", "the key method", CALL.replace('"method"', '"metho\\u0064"')),
    Case("A6", "the key params", CALL.replace('"params"', '"par\\u0061ms"')),
    Case("A6", "a modern name", call('"\\u0063reate_a_gladly_task"', params=f",{CLAIM}"), MODERN),
)


def _kinds(name: str, more: str, body: str = CALL) -> Case:
    return Case("A7", name, body[:-1] + more + "}")


POLYGLOTS = (
    _kinds("method and result", ',"result":{}'),
    _kinds("method and a null result", ',"result":null'),
    _kinds("method and error", ',"error":{"code":1,"message":"x"}'),
    _kinds("method and a null error", ',"error":null'),
    _kinds("all of them", ',"result":{},"error":{"code":1,"message":"x"}'),
    _kinds("a notification with a result", ',"result":{}', _SILENT),
    Case("A7", "params and result", CALL.replace(_METHOD, '"result":{}')),
    Case("A7", "no jsonrpc", CALL.replace('"jsonrpc":"2.0",', "")),
    Case("A7", "jsonrpc 1.0", CALL.replace("2.0", "1.0")),
    Case("A7", "jsonrpc as a number", CALL.replace('"2.0"', "2.0")),
    Case("A7", "jsonrpc with a blank", CALL.replace('"2.0"', '"2.0 "')),
    Case("A7", "jsonrpc null", CALL.replace('"2.0"', "null")),
)

_IDS = {
    "null": "null", "true": "true", "false": "false", "a fraction": "1.5", "one as 1.0": "1.0",
    "one as 1e0": "1e0", "an object": "{}", "an array": "[1]", "beyond 2^53": str(2**53 + 1),
    "beyond 2^63": str(2**63), "beyond 2^64": str(2**64), "below -2^63": str(-(2**63) - 1),
    "400 digits": "9" * 400, "minus zero": "-0", "overflow": "1E400", "NaN": "NaN",
    "empty": '""', "a NUL": '"\\u0000"', "a lone surrogate": '"\\ud800"',
    "a long string": '"' + "x" * 100_000 + '"', "a line end": '"1\\r\\nX: y"',
}  # fmt: skip

IDS = (
    *(Case("A8", name, call(number=number)) for name, number in _IDS.items()),
    Case("A8", "none", _SILENT),
    Case("A8", "none, modern", _SILENT[:-2] + f",{CLAIM}}}}}", MODERN),
    Case("A8", "one as 1.0, modern", call(number="1.0", params=f",{CLAIM}"), MODERN),
)

_METHODS = (
    '"tools/call "', '" tools/call"', '"Tools/Call"', '"tools//call"', '"tools/call\\u0000"',
    '"tools.call"', '"call"', '"/tools/call"', '"tools/call/"', '"tools/execute"', '["tools/call"]',
    '"tools/call#"', '"tools/call?x"', "null", "1", '{"method":"tools/call"}', '"\uff54ools/call"',
    '"notifications/tools/call"', '"rpc.tools/call"', '"tool\u017f/call"',
)  # fmt: skip

UNREAD = (
    *(Case("A11", f"method {method[:20]}", call(method=method)) for method in _METHODS),
    Case("A11", "a tool as the method", call(method=REFUSED)),
    Case("A11", "broken off", CALL[:-1]),
    Case("A11", "one brace too many", CALL + "}"),
    Case("A11", "params as an array", CALL.replace(_PARAMS, f'"params":[{REFUSED},{MARK}]')),
    Case("A11", "params as a string", CALL.replace(_PARAMS, f'"params":{REFUSED}')),
    Case("A11", "params null", CALL.replace(_PARAMS, '"params":null')),
    Case("A11", "name as an array", call(f"[{REFUSED}]")),
    Case("A11", "name as an object", call(f'{{"name":{REFUSED}}}')),
    Case("A11", "name null", call("null")),
    Case("A11", "arguments as an array", call(arguments=f"[{MARK}]")),
    Case("A11", "arguments as text", call(arguments='"{}"')),
    Case("A11", "arguments null", call(arguments="null")),
)

CASES = BATCHES + DUPLICATES + FOLDING + ESCAPES + POLYGLOTS + IDS + UNREAD
