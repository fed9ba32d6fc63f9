"""Shapes of requests and answers that more than one family uses. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Strict


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Whole = Annotated[int, WHOLE]
"""A JSON integer, which ``1.0`` is, too."""


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be plain decimal digits")
    return value


Digits = Annotated[int, BeforeValidator(_digits)]
"""A number in a query."""

Moment = Annotated[AwareDatetime, Strict(strict=False)]
"""A time with its zone, as ISO 8601 text."""


class Loose(BaseModel):
    """A request that may hold more than is read."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Callback(BaseModel):
    """How the delivery of an execution's outcome stands; ``lastStatus`` is the receiver's, if it answered."""

    state: Literal["pending", "delivered", "failed"]
    attempts: int
    lastStatus: int | None  # noqa: N815


class Snapshot(BaseModel):
    """An execution. Times are epoch milliseconds. Source: spec builder-studio §7.7."""

    executionId: str  # noqa: N815 - the wire's names, here and below
    canvasId: str  # noqa: N815
    workspaceId: str  # noqa: N815
    status: str
    triggerType: str  # noqa: N815
    triggerNodeId: str  # noqa: N815
    inputs: dict[str, Any]
    createdAt: int  # noqa: N815
    startedAt: int | None  # noqa: N815
    finishedAt: int | None  # noqa: N815
    error: dict[str, Any] | None
    steps: list[dict[str, Any]]
    outputs: dict[str, dict[str, Any]]
    output: Any = None
    waitingOn: dict[str, Any] | None  # noqa: N815
    waitpoints: list[dict[str, Any]]
    parent: dict[str, Any] | None
    credits: dict[str, float]
    replayOf: str | None = None  # noqa: N815
    replayFromStepId: str | None = None  # noqa: N815
    callback: Callback | None = None


class EventList(BaseModel):
    """Events of one execution in ``seq`` order."""

    events: list[dict[str, Any]]
