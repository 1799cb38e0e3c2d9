"""What a session does by itself: tasks that run side by side, step by step, in a time of their own.

A model writes text in pieces; `words` and `padding` make them.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
import re
import string
from collections.abc import Iterator
from typing import TypeAlias

from attrs import frozen

from openai_realtime.models.events import ServerEvent


@frozen
class Wait:
    """A task goes on after so many seconds; infinite: when somebody wakes it."""

    seconds: float


PAUSE = Wait(math.inf)

Step: TypeAlias = ServerEvent | Wait
Task: TypeAlias = Iterator[Step]


class Timeline:
    """The tasks by the time at which each goes on. `now` is seconds since the session began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Task]] = []
        self._order = itertools.count()

    @property
    def next_due(self) -> float:
        """When there is something to do; infinite if all tasks are done or paused."""
        return self._heap[0][0] if self._heap else math.inf

    @property
    def is_paused(self) -> bool:
        """Whether a task waits for `wake`; from any thread."""
        return any(due == math.inf for due, _, _ in self._heap)

    def start(self, task: Task) -> None:
        """Let `task` begin now."""
        self._push(task, self.now)

    def wake(self, task: Task | None = None) -> bool:
        """Let `task` go on now, whatever it waits for; without one, all that are paused. Give whether any did."""
        woken = [entry for entry in self._heap if (entry[2] is task if task else entry[0] == math.inf)]
        self._heap = [entry for entry in self._heap if entry not in woken]
        heapq.heapify(self._heap)
        for _, _, waiting in woken:
            self._push(waiting, self.now)
        return bool(woken)

    def step(self, until: float) -> ServerEvent | None:
        """Give the next event that a task sends at `until` or before; None if there is none."""
        while self._heap and self._heap[0][0] <= until and self._heap[0][0] < math.inf:
            due, _, task = heapq.heappop(self._heap)
            self.now = max(self.now, due)
            match next(task, None):
                case None:
                    pass
                case Wait(seconds):
                    self._push(task, self.now + seconds)
                case event:
                    self._push(task, self.now)
                    return event
        return None

    def _push(self, task: Task, due: float) -> None:
        heapq.heappush(self._heap, (due, next(self._order), task))


def words(text: str) -> list[str]:
    """Cut `text` in pieces as a model writes it: each word with the space before it. Nothing is lost."""
    return re.findall(r"\s*\S+(?:\s+$)?|\s+$", text)


def padding() -> str:
    """Make what hides the length of a delta from who watches the encrypted line."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=random.randint(3, 16)))  # noqa: S311 - no secret
