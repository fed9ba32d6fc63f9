"""How many steps may touch the world at a time, and whose turn it is when there are more."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

Begin = Callable[[], bool]


class Slot(NamedTuple):
    """What a running step takes up: a place in its workspace, and one in each of the limits that count it."""

    workspace: str
    names: tuple[str, ...]


class StepQueue:
    """Counts running steps against limits and lets the others wait; workspaces take turns.

    Parameters
    ----------
    limits : the most steps at a time by name: ``model:gpt-5`` or ``provider:openai`` for one of them, ``model``,
        ``provider`` or ``workspace`` for each one that has no number of its own.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = dict(limits)
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, dict[Slot, deque[Begin]]] = OrderedDict()

    def take(self, slot: Slot) -> bool:
        """Take up a slot if there is room and nobody has waited longer for the same."""
        if not self._limits:
            return True
        if slot in self._waiting.get(slot.workspace, ()) or not self._has_room(slot):
            return False
        self._count(slot, 1)
        return True

    def wait(self, slot: Slot, begin: Begin) -> None:
        """Call ``begin`` once the slot is taken up for it; False from it gives the slot back at once."""
        self._waiting.setdefault(slot.workspace, {}).setdefault(slot, deque()).append(begin)

    def release(self, slot: Slot) -> None:
        """Give a slot back, and hand out what can be handed out now."""
        if not self._limits:
            return
        self._count(slot, -1)
        while (found := self._next()) is not None:
            waited_for, begin = found
            self._count(waited_for, 1)
            if not begin():
                self._count(waited_for, -1)

    def _next(self) -> tuple[Slot, Begin] | None:
        """Return the first waiter that there is room for; its workspace goes to the end of the row."""
        for workspace, groups in self._waiting.items():
            for slot, waiters in groups.items():
                if self._has_room(slot):
                    begin = waiters.popleft()
                    if not waiters:
                        del groups[slot]
                    if groups:
                        self._waiting.move_to_end(workspace)
                    else:
                        del self._waiting[workspace]
                    return slot, begin
        return None

    def _has_room(self, slot: Slot) -> bool:
        return all(self._running[name] < limit for name, limit in self._counted(slot))

    def _count(self, slot: Slot, change: int) -> None:
        for name, _ in self._counted(slot):
            self._running[name] += change
            if not self._running[name]:
                del self._running[name]

    def _counted(self, slot: Slot) -> list[tuple[str, int]]:
        """Return the limits that count a slot, with their numbers."""
        names = (f"workspace:{slot.workspace}", *slot.names)
        found = ((name, self._limits.get(name, self._limits.get(name.partition(":")[0]))) for name in names)
        return [(name, limit) for name, limit in found if limit is not None]
