"""The OpenAPI description of the control API. The schemas are those of the classes that check its requests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from openai_realtime._codec.annotations import bare, field_hints, is_model, is_union, members
from openai_realtime.emulator.wire import JSON
from openai_realtime.models.base import Model
from openai_realtime.models.constraints import Between

_SCALARS: Final[Mapping[Any, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@attrs.frozen
class Operation:
    """What a request does: `function` gets the emulator and the body, a model or the types of some fields."""

    function: Callable[[Any, Any], Any]
    summary: str
    body: type[Model] | Mapping[str, type] | None = None


def described(prefix: str, operations: Mapping[tuple[str, str], Operation]) -> JSON:
    """Describe the control API, whose paths begin with `prefix`, by its operations by method and path."""
    schemas: JSON = {}
    paths: JSON = {}
    for (method, name), operation in operations.items():
        verb = method.lower()
        paths.setdefault(prefix + name, {})[verb] = _operation(f"{verb}_{name}", operation, schemas)
    info = {"title": "Control API of the OpenAI Realtime emulator", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(name: str, operation: Operation, schemas: JSON) -> JSON:
    done = {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}}
    refused = {"description": "Refused, with the reason in error.message."}
    result: JSON = {"operationId": name, "summary": operation.summary, "responses": {"200": done, "400": refused}}
    if (body := operation.body) is not None:
        schema = _object(body, {}) if isinstance(body, Mapping) else _schema(body, schemas)
        result["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return result


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
