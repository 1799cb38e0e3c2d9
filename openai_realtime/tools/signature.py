"""`Signature`: what the model is told of a function, and how its arguments are checked and its result is written."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import functools
import inspect
import re
import types
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from docstring_parser import parse

from openai_realtime._codec.converter import converter
from openai_realtime._codec.json import dump
from openai_realtime.models.tools import FunctionTool

from .annotations import convert_tagged, rewritten, schema_of

_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)  # what the API takes
_MAX_RESULT: Final = 2**20  # characters: no model has room for so many


class Signature:
    """A function as a tool: its `definition` for the session, from its annotations and its docstring.

    Raises TypeError for a function that the model cannot be told how to call.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, description: str | None = None) -> None:
        written_by_user = _written_by_user(function)
        self.name = name or str(getattr(written_by_user, "__name__", type(written_by_user).__name__))
        documented = parse(inspect.getdoc(written_by_user) or "")
        texts = {param.arg_name: param.description or "" for param in documented.params}
        documentation = "\n".join(filter(None, (documented.short_description, documented.long_description)))
        try:
            self._arguments = _arguments_of(function, self.name, texts)
            self._decode = msgspec.json.Decoder(self._arguments, dec_hook=convert_tagged).decode
            parameters = schema_of(self._arguments)
        except (TypeError, ValueError, NameError, RuntimeError) as error:  # of msgspec and typing too
            raise TypeError(f"{self.name} cannot be a tool: {error}") from error
        self.definition = FunctionTool(
            name=self.name, description=description or documentation or None, parameters=parameters
        )

    def bind(self, arguments: str) -> dict[str, Any]:
        """Read the model's arguments, strictly. Raises ValueError that says which is wrong."""
        try:
            values = self._decode(arguments.strip() or "{}")
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(str(error)) from None
        return {name: getattr(values, name) for name in self._arguments.__struct_fields__}


def _written_by_user(function: Callable[..., Any]) -> Any:
    """Return what has the name and the docstring: the function in a partial one, else what is given."""
    return _written_by_user(function.func) if isinstance(function, functools.partial) else function


def _arguments_of(function: Callable[..., Any], name: str, texts: dict[str, str]) -> type[msgspec.Struct]:
    """Make the struct that holds a function's arguments."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("a tool has one result, so return a list in place of yielding")
    hints = _hints(function)
    fields: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in _NAMED:
            raise TypeError(f"a tool's arguments have names, and {parameter} has none")
        if parameter.name == "self" and "self" not in hints:
            raise TypeError("it is a method, so give that of an object: Tools(thing.method)")
        hint = rewritten(hints.get(parameter.name, Any))
        if parameter.default is None:
            hint |= None
        if text := texts.get(parameter.name):
            hint = Annotated[hint, msgspec.Meta(description=text)]
        fields.append((parameter.name, hint, *_default(parameter)))
    if not _NAME.fullmatch(name):
        raise TypeError("its name has other signs than letters, digits, _ and -, so give one: Tool(name=...)")
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Evaluate the annotations of the arguments; that of the result may need an import for type checkers only."""
    annotated = _annotated(function)
    hints = {name: hint for name, hint in getattr(annotated, "__annotations__", {}).items() if name != "return"}
    of_arguments = types.SimpleNamespace(__annotations__=hints)
    return get_type_hints(of_arguments, getattr(annotated, "__globals__", {}), include_extras=True)


def _annotated(function: Any) -> Any:
    """Return what has the annotations: a function, that of a partial one, or of a class or an object its method."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _annotated(function.func)
    if inspect.isclass(function):
        return function.__init__
    return function if inspect.isroutine(function) else type(function).__call__


def _default(parameter: inspect.Parameter) -> tuple[Any, ...]:
    default = parameter.default
    if default is parameter.empty:
        return ()
    if isinstance(default, list | dict | set):
        return (msgspec.field(default_factory=functools.partial(copy.deepcopy, default)),)
    try:
        msgspec.to_builtins(default)
    except TypeError:  # such as an object that says that nothing was given: the model need not know it
        return (msgspec.field(default_factory=lambda: default),)
    return (default,)


def written(result: Any) -> str:
    """Return a function's result as the model reads it: text as it is, anything else as JSON.

    Raises TypeError for what is no JSON, and ValueError for more than a model can read, which could end the session.
    """
    text = result if isinstance(result, str) else _json(result)
    if len(text) > _MAX_RESULT:
        raise ValueError(f"the result has {len(text)} characters, and a model reads no more than {_MAX_RESULT}")
    return text


def _json(result: Any) -> str:
    try:
        return dump(converter.unstructure(result), _simpler).decode()
    except TypeError as error:
        raise TypeError(f"a tool cannot return {error}; return text, or what JSON can hold") from None


def _simpler(value: Any) -> Any:
    """Return what stands for an object in JSON."""
    simpler = converter.unstructure(value)
    if simpler is not value:
        return simpler
    if hasattr(value, "model_dump"):  # of pydantic
        return value.model_dump(mode="json")
    if isinstance(value, msgspec.Struct | decimal.Decimal | dt.timedelta):
        return msgspec.to_builtins(value)
    raise TypeError(type(value).__name__)
