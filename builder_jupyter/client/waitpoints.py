"""What a run waits for, as an object to answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.protocol import Transport, Wire
from builder_jupyter.execution.forms import Form, form_of

if TYPE_CHECKING:
    from builder_jupyter.client.execution import Execution

PEOPLE = frozenset({"human", "user-turn"})
"""Kinds that only a person can bring to an end."""

ANSWERABLE_HERE = PEOPLE | {"callback"}
"""Kinds that somebody who looks at the run may be asked for."""


class Waitpoint:
    """One thing that a run waits for. It is as it was when it was asked for; `Execution.waitpoints` gives new ones."""

    def __init__(self, execution: Execution, transport: Transport, wire: Wire) -> None:
        self._execution = execution
        self._transport = transport
        self._wire = wire

    def __repr__(self) -> str:
        visit = f" #{self.visit}" if self.visit > 1 else ""
        prompt = f": {self.form.prompt}" if self.form.prompt else ""
        return f"<Waitpoint {self.step!r}{visit}, {self.kind}{prompt}>"

    @property
    def id(self) -> str:
        """The id of the waitpoint."""
        return str(self._wire["waitpointId"])

    @property
    def step(self) -> str:
        """The id of the step that waits; in a child execution when the step runs a workflow of its own."""
        return str(self._wire["stepId"])

    @property
    def visit(self) -> int:
        """The number of the step's visit."""
        return int(self._wire["visit"])

    @property
    def kind(self) -> str:
        """What is waited for: ``human``, ``callback``, ``user-turn``, ``timer``, ``provider-poll`` …"""
        return str(self._wire["kind"])

    @property
    def request(self) -> Mapping[str, Any]:
        """What is asked: ``prompt``, ``options`` or ``schema`` where there are any."""
        request: Mapping[str, Any] = self._wire["request"]
        return request

    @property
    def form(self) -> Form:
        """The form that the request makes."""
        return form_of(self.request)

    @property
    def deadline(self) -> datetime | None:
        """When it is too late, UTC; None for never."""
        at = self._wire["deadlineAt"]
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    def answer(self, value: Any) -> bool:
        """Answer it; return whether the answer counted. One that was answered before keeps that answer.

        Raises
        ------
        InvalidInput : ``INVALID_ANSWER``: the answer does not fit the schema; it goes on waiting.
        Conflict : ``NOT_ANSWERABLE``: it waits for time to pass, or for another run.
        """
        answered = self._transport.portal.wait(self._transport.complete(self.id, value))
        return bool(answered["counted"])

    def link(self) -> str:
        """Return an address where somebody without an account can answer, once. Keep it as you keep a password.

        Raises
        ------
        Conflict : ``WAITPOINT_ENDED``, ``NOT_ANSWERABLE``.
        NotConfigured : ``NO_SERVER``: nothing in this process answers requests.
        """
        return str(self._transport.portal.wait(self._transport.link(self._execution.id, self.id))["url"])
