"""How a coroutine method becomes a blocking one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from .lease import Lease
from .thread import Work

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Facade(Generic[A_co]):
    """The blocking form of an object that lives in the loop thread."""

    _client: A_co
    _lease: Lease

    def _run(self, work: Work[T]) -> T:
        return self._lease.run(work)


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Facade[A], P], T]:
    """Make the blocking form of a coroutine method: same parameters, same docstring, the awaited result."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(lambda: method(self._client, *args, **kwargs))

    returned = method.__annotations__["return"]
    if returned.startswith("Coroutine[Any, Any, "):
        show_result(call, returned[len("Coroutine[Any, Any, ") : -1])
    return call


def show_result(call: Callable[..., object], result: str) -> None:
    """Let `help` and `inspect.signature` say that `call` returns `result`."""
    call.__signature__ = inspect.signature(call).replace(return_annotation=result)  # type: ignore[attr-defined]
