"""The API's own description: an OpenAPI 3.1 document, made of what the code checks by. Pure."""

from __future__ import annotations

from typing import Any, Final

from sidecar import __version__
from sidecar.model import JsonObject
from sidecar.provisioning.requests import LARGEST_PAGE, LONGEST_NAME, MOST_TAGS, PAGE, TAG
from sidecar.settings.kinds import METHODS

LIST_PATH: Final = "/integrated-account/{id}/mcp"
ONE_PATH: Final = "/integrated-account/{id}/mcp/{endpoint_id}"
DOCUMENT_PATH: Final = "/openapi.json"
READ: Final = "endpoints:read"
WRITE: Final = "endpoints:write"

_TIME: Final = {"type": "string", "format": "date-time"}
_EVERY: Final = (400, 401, 403, 404, 503)
_WITH_BODY: Final = (*_EVERY, 408, 413, 415)
_TOLD: Final = {
    400: "The request cannot be used; the message names every problem.",
    401: "No bearer token, or a bad one.",
    403: "The token lacks the scope, or the request comes from a browser.",
    404: "No such account, or it has no such endpoint.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is no plain JSON.",
    503: "The audit log or the store cannot be written: nothing was done.",
}


def document(tool_exposure: str) -> JsonObject:
    """Describe the API of a gateway whose backend has this exposure."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Provisioning of MCP endpoints",
            "version": __version__,
            "description": "Endpoints are URLs with a scope sealed into them. Shaped as Truto's "
            "API, with one safer default: `require_api_token_auth` is true unless said otherwise.",
        },
        "security": [{"bearer": []}],
        "paths": {LIST_PATH: _list_path(), ONE_PATH: _one_path()},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(tool_exposure),
        },
    }


def _list_path() -> JsonObject:
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
    cursor = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    return {
        "parameters": [_in_path("id", "Id of the integrated account.")],
        "get": {
            "operationId": "listEndpoints",
            "summary": "List an account's endpoints, the oldest first.",
            "description": f"Needs the scope `{READ}`.",
            "parameters": [
                {"name": "limit", "in": "query", "schema": limit},
                {"name": "next_cursor", "in": "query", "schema": cursor},
            ],
            "responses": _responses(200, "One page of endpoints.", _EVERY, "Page"),
        },
        "post": {
            "operationId": "createEndpoint",
            "summary": "Make an endpoint; only this answer has its token and URL.",
            "description": f"Needs the scope `{WRITE}`. At least one tool must match both methods "
            "and tags.",
            "requestBody": _body("Create"),
            "responses": _responses(201, "The endpoint with its token.", _WITH_BODY, "Created"),
        },
    }


def _one_path() -> JsonObject:
    return {
        "parameters": [
            _in_path("id", "Id of the integrated account."),
            _in_path("endpoint_id", "Id of the endpoint, as its creation told it.", format="uuid"),
        ],
        "get": {
            "operationId": "getEndpoint",
            "summary": "Read an endpoint.",
            "description": f"Needs the scope `{READ}`.",
            "responses": _responses(200, "The endpoint.", _EVERY, "Endpoint"),
        },
        "patch": {
            "operationId": "changeEndpoint",
            "summary": "Change an endpoint; its URL stays.",
            "description": f"Needs the scope `{WRITE}`. A member of `config` replaces the one of "
            "the same name; tools are checked only when there is a `config`.",
            "requestBody": _body("Change"),
            "responses": _responses(200, "The endpoint, changed.", _WITH_BODY, "Endpoint"),
        },
        "delete": {
            "operationId": "deleteEndpoint",
            "summary": "Delete an endpoint; its URL ends at once.",
            "description": f"Needs the scope `{WRITE}`.",
            "responses": _responses(204, "It is gone.", _EVERY),
        },
    }


def _in_path(name: str, what: str, **limits: Any) -> JsonObject:
    schema = {"type": "string", "minLength": 1, **limits}
    return {"name": name, "in": "path", "required": True, "description": what, "schema": schema}


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> JsonObject:
    return {"application/json": {"schema": _ref(name)}}


def _body(name: str) -> JsonObject:
    return {"required": True, "content": _json(name)}


def _responses(
    status: int, what: str, failures: tuple[int, ...], schema: str | None = None
) -> JsonObject:
    told: JsonObject = {str(status): {"description": what}}
    if schema is not None:
        told[str(status)]["content"] = _json(schema)
    for failure in failures:
        told[str(failure)] = {"description": _TOLD[failure], "content": _json("Error")}
    challenge = {"description": "RFC 6750 section 3.", "schema": {"type": "string"}}
    told["401"]["headers"] = {"WWW-Authenticate": challenge}
    return told


def _schemas(tool_exposure: str) -> dict[str, Any]:
    config = _config(tool_exposure)
    whole = _object(config, required=list(config))
    name = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
    expires = _TIME | {"type": ["string", "null"], "description": "Null: never. Else 60 s ahead."}
    asked = {"name": name, "config": _object(config), "expires_at": expires}
    endpoint = {
        "id": {"type": "string", "format": "uuid"},
        "name": name,
        "config": whole,
        "integrated_account_id": {"type": "string"},
        "created_by": {"type": "string", "description": "Subject of the token that made it."},
        "expires_at": expires,
        "created_at": _TIME,
        "updated_at": _TIME,
    }
    once = {"token": {"type": "string"}, "url": {"type": "string", "format": "uri"}}
    page = {
        "result": {"type": "array", "items": _ref("Endpoint")},
        "next_cursor": {"type": ["string", "null"]},
    }
    error = {
        "statusCode": {"type": "integer"},
        "error": {"type": "string"},
        "message": {"type": "string", "description": "What is wrong and what to do."},
    }
    return {
        "Create": _object(asked),
        "Change": _object(asked) | {"minProperties": 1},
        "Endpoint": _object(endpoint, required=list(endpoint)),
        "Created": _object(endpoint | once, required=[*endpoint, *once]),
        "Page": _object(page, required=list(page)),
        "Error": _object(error, required=list(error)),
    }


def _config(tool_exposure: str) -> JsonObject:
    return {
        "methods": {
            "type": "array",
            "minItems": 1,
            "default": ["read"],
            "items": {"enum": list(METHODS)},
            "description": "Methods or groups (read, write) that may be used.",
        },
        "tags": {
            "type": "array",
            "maxItems": MOST_TAGS,
            "items": {"type": "string", "pattern": TAG},
            "description": "Tools with at least one of these tags; empty: all.",
        },
        "tool_exposure": {"const": tool_exposure, "description": "As the backend's."},
        "require_api_token_auth": {
            "type": "boolean",
            "default": True,
            "description": "Whether callers need a bearer token besides the URL.",
        },
    }


def _object(properties: JsonObject, required: list[str] | None = None) -> JsonObject:
    made: JsonObject = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return made | ({"required": required} if required else {})
