"""`Signature`: what the model is told of a function, and how its arguments are checked and its result is written."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from docstring_parser import parse

from openai_realtime._codec.converter import converter, dumps
from openai_realtime.models.tools import FunctionTool

from .hints import convert_tagged, rewritten, schema_of

_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Signature:
    """A function as a tool: its `definition` for the session, from its annotations and its docstring.

    Raises TypeError for a function that the model cannot be told how to call.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, description: str | None = None) -> None:
        documented = parse(inspect.getdoc(function) or "")
        texts = {param.arg_name: param.description or "" for param in documented.params}
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self._arguments = _arguments_of(function, self.name, texts)
        self._decode = msgspec.json.Decoder(self._arguments, dec_hook=convert_tagged).decode
        documentation = "\n".join(filter(None, (documented.short_description, documented.long_description)))
        self.definition = FunctionTool(
            name=self.name, description=description or documentation or None, parameters=schema_of(self._arguments)
        )

    def bind(self, arguments: str) -> dict[str, Any]:
        """Read the model's arguments, strictly. Raises ValueError that says which is wrong."""
        try:
            values = self._decode(arguments.strip() or "{}")
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from None
        return {name: getattr(values, name) for name in self._arguments.__struct_fields__}


def _arguments_of(function: Callable[..., Any], name: str, texts: dict[str, str]) -> type[msgspec.Struct]:
    """Make the struct that holds a function's arguments."""
    hints = get_type_hints(_annotated(function), include_extras=True)
    fields: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in _NAMED:
            raise TypeError(f"{name}: a tool's arguments have names, and {parameter} has none")
        hint = rewritten(hints.get(parameter.name, Any))
        if text := texts.get(parameter.name):
            hint = Annotated[hint, msgspec.Meta(description=text)]
        fields.append((parameter.name, hint, *_default(parameter)))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _annotated(function: Callable[..., Any]) -> Any:
    """Return what has the annotations: a function itself, that of a partial one, or the ``__call__`` of an object."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _annotated(function.func)
    return function if inspect.isroutine(function) else type(function).__call__


def _default(parameter: inspect.Parameter) -> tuple[Any, ...]:
    if parameter.default is parameter.empty:
        return ()
    if isinstance(parameter.default, list | dict | set):
        return (msgspec.field(default_factory=functools.partial(copy.deepcopy, parameter.default)),)
    return (parameter.default,)


def written(result: Any) -> str:
    """Return a function's result as the model reads it: text as it is, anything else as JSON."""
    return result if isinstance(result, str) else dumps(converter.unstructure(result)).decode()
