"""The OpenAPI description of the control door. The schemas are those of the classes that check its requests."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from openai_realtime._codec.hints import bare, field_hints, is_model, is_union, members
from openai_realtime.emulator.wire import JSON
from openai_realtime.models.base import Model
from openai_realtime.models.constraints import Between

_SCALARS: Final[Mapping[Any, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_SCRIPT: Final = "#/components/schemas/ScriptDocument"
_CALL: Final = "#/components/schemas/CallDocument"
_PATHS: Final = (
    ("post", "script", "Say what happens: transcripts, replies, faults, MCP servers.", _SCRIPT),
    ("post", "calls", "Let a phone call come in, and ring if there is a body; gives its call_id.", _CALL),
    ("get", "calls", "Give the phone calls that rang: deliveries of the webhook, and what became of them.", None),
    ("post", "hang_up", "Let the caller hang up.", {"call_id": str}),
    ("post", "dtmf", "Let the caller press keys.", {"call_id": str, "keys": str}),
    ("post", "clock", "Move the emulator's clock forward.", {"seconds": float}),
    ("post", "resume", "Let paused responses go on.", None),
    ("get", "requests", "Give the HTTP requests that came in.", None),
    ("get", "sessions", "Give the sessions: what each received, its conversation, its settings.", None),
)


def described(*documents: type[Model]) -> JSON:
    """Describe the door, whose bodies are of the classes `documents`."""
    schemas: JSON = {}
    for document in documents:
        _schema(document, schemas)
    paths: JSON = {}
    for method, name, summary, body in _PATHS:
        paths.setdefault(f"/emulator/{name}", {})[method] = _operation(f"{method}_{name}", summary, body)
    info = {"title": "Control door of the OpenAI Realtime emulator", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(name: str, summary: str, body: Any) -> JSON:
    done = {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}}
    refused = {"description": "Refused, with the reason in error.message."}
    operation: JSON = {"operationId": name, "summary": summary, "responses": {"200": done, "400": refused}}
    if body is not None:
        schema = {"$ref": body} if isinstance(body, str) else _object(body, {})
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _schema(hint: Any, schemas: JSON) -> JSON:
    """Make the JSON Schema of `hint`; those of models go to `schemas`, once each."""
    hint, constraints = bare(hint)
    if is_union(hint):
        options = [_schema(part, schemas) for part in members(hint)]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if is_model(hint):
        if hint.__name__ not in schemas:
            schemas[hint.__name__] = {}
            schemas[hint.__name__] = _model(hint, schemas)
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": [*get_args(hint)]}
    if get_origin(hint) is Sequence:
        return {"type": "array", "items": _schema(get_args(hint)[0], schemas)}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _schema(get_args(hint)[1], schemas)}
    schema: JSON = {"type": _SCALARS[hint]} if hint in _SCALARS else {}
    for limit in constraints:
        if isinstance(limit, Between):
            schema |= {"minimum": limit.low, "maximum": limit.high}
    return schema


def _model(cls: Any, schemas: JSON) -> JSON:
    required = [field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING]
    return {**_object(field_hints(cls), schemas), "description": inspect.getdoc(cls), "required": required}


def _object(hints: Mapping[str, Any], schemas: JSON) -> JSON:
    properties = {name: _schema(hint, schemas) for name, hint in hints.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}
