"""What a node type is, and what it is given when it runs.

A node type is one class in one file: its data model, its ports, its price, its behaviour. Everything else (palette,
validation of its data, pictures, documentation) is derived from the class. It reaches the world only through the
protocols on `StepContext`; it never imports `storage` or `connectors`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from builder_jupyter.graph.model import Node, Port, PortType, Profile
from builder_jupyter.money import ZERO, Credits
from builder_jupyter.nodes.chat import ChatModels, Message, ToolSpec, Usage
from builder_jupyter.nodes.code import Outcome
from builder_jupyter.nodes.http import Http
from builder_jupyter.nodes.media import Media
from builder_jupyter.nodes.retry import ONCE, RetryPolicy


class NodeData(BaseModel):
    """Base of every node's data model. Unknown fields are kept: a client may store its own beside ours."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Effect(StrEnum):
    """What a step does besides computing.

    A ``PURE`` step may run ahead of the disk; a ``WORLD`` step starts only when all it depends on is on disk
    (`docs/engine.md`, barrier).
    """

    PURE = "pure"
    WORLD = "world"


class Place(StrEnum):
    """Where the work of an attempt is done: on the engine's loop, in a thread, or in a Jupyter kernel."""

    LOOP = "loop"
    THREAD = "thread"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class PortValue:
    """What an output port carries: a type and a JSON-like value."""

    type: PortType
    value: Any

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"type", "value"}``, the shape of outputs in a snapshot."""
        return {"type": str(self.type), "value": self.value}

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> PortValue:
        """Read back what `to_dict` wrote."""
        return cls(PortType(wire["type"]), wire["value"])


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step leaves behind when it completes.

    Parameters
    ----------
    outputs : by output port.
    messages : appended to the conversation, seen by every step downstream.
    result : stored as ``results[<node id>]`` of the state when not None.
    output : sets ``state.output`` (end nodes); the state has it when ``has_output``.
    taken : positions among the node's outgoing edges that are satisfied; None for all of them.
    usage : tokens spent.
    display : rich output to show with the step: MIME bundles, in order.
    calls : what the step asked of models and tools, in order; the engine fills it in (`execution.calls`).
    """

    outputs: Mapping[str, PortValue] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    result: Any = None
    output: Any = None
    has_output: bool = False
    taken: tuple[int, ...] | None = None
    usage: Usage | None = None
    display: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Mapping[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """What a person would read of it: the last message, else the text output, else ``""``."""
        if self.messages:
            return self.messages[-1].content
        return next((str(value.value) for value in self.outputs.values() if value.type is PortType.TEXT), "")


@dataclass(frozen=True, slots=True)
class Wait:
    """A step's answer that it cannot go on before somebody or something does.

    Parameters
    ----------
    kind : ``human``, ``callback``, ``timer``, ``provider-poll`` or ``user-turn``.
    request : what is asked, as JSON-like values; ``schema`` in it is a JSON Schema that an answer must satisfy. It is
        handed back with the `Answer`, so that a step needs no memory of its own.
    timeout_seconds : the deadline, from when the step began to wait; None waits for ever.
    poll_seconds : when the step wants to look again by itself; a look that ends in a `Wait` keeps the deadline.
    """

    kind: str
    request: Mapping[str, Any]
    timeout_seconds: float | None = None
    poll_seconds: float | None = None


class AnswerKind(StrEnum):
    """How a waitpoint came to its end: answered, past its deadline, or time to look again."""

    ANSWERED = "answered"
    EXPIRED = "expired"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step that waited is called again with. ``request`` is what it had asked; ``by`` is who answered."""

    kind: AnswerKind
    request: Mapping[str, Any]
    value: Any = None
    by: str | None = None


class StateView(Protocol):
    """The state as one step may see it: what its ancestors left, in causal order.

    Two parallel branches do not see one another; a join sees both. Source: docs/engine.md.
    """

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The run's inputs."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """The conversation so far, oldest first."""
        ...

    @property
    def routed_text(self) -> str:
        """What a router reads: the newest message of a predecessor, looking through routers, else the last."""
        ...

    def as_mapping(self) -> Mapping[str, Any]:
        """Return the state that templates see: the inputs, ``messages``, ``results``, ``output``."""
        ...


class Tools(Protocol):
    """The tools a node may call by name."""

    def specs(self) -> Sequence[ToolSpec]:
        """Return all tools on offer, built-ins first."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run one tool and return its JSON-like value.

        Raises
        ------
        StepError : ``UNKNOWN_TOOL``, ``TOOL_ARGUMENTS`` or what the tool itself reports.
        """
        ...


class OnFailure(StrEnum):
    """What the failure of one of several child executions means: the end of all, or a gap among the results."""

    FAIL = "fail"
    SKIP = "skip"
    COLLECT = "collect"


class Children(Protocol):
    """Executions of the workflow that a node names, on behalf of one step."""

    async def run(self, jobs: Sequence[Mapping[str, Any]], *, concurrency: int, on_failure: OnFailure) -> list[Any]:
        """Run the node's workflow once for each of ``jobs`` (the inputs) and return their outputs in that order.

        At most ``concurrency`` run at a time. A failed one ends all (``FAIL``), leaves no result (``SKIP``) or leaves
        ``{"error": {message, code}}`` (``COLLECT``). After a crash those that were begun are found again.

        Raises
        ------
        StepError : ``CHILD_FAILED``.
        """
        ...


class Kernel(Protocol):
    """A Jupyter kernel, chosen for one step. Only steps in the place `Place.KERNEL` are given one."""

    async def run(self, code: str, state: Mapping[str, Any]) -> Outcome:
        """Run code that sees ``state`` under that name; what it prints is streamed into the step meanwhile.

        Raises
        ------
        StepError : ``PYTHON_ERROR`` with what was displayed; ``WORKER_LOST``; ``ARTEFACT_NOT_FOUND``.
        OutputInvalid : the result is larger than may be kept.
        """
        ...


@dataclass(slots=True)
class StepContext:
    """What a running step is given.

    Parameters
    ----------
    node : the snapshot of the node in the plan.
    ports : values by input port, in the order in which the edges stand in the workflow.
    routes : the route label of each outgoing edge, in workflow order (None where it has none).
    targets : the node that each outgoing edge leads to.
    emit : takes a piece of streamed text; cheap, never waits.
    key : names this visit of this step of this execution; the same for every attempt, so it can serve as the
        idempotency key of what the step does outside.
    answer : what ended the step's waiting, when it waited.
    execution_id, workspace, starter : the execution that somebody started, and whose it is; executors choose kernels
        by it.
    kernel : where its code runs, for node types in the place `Place.KERNEL`.
    event : what a webhook received, if that began the execution: ``{nodeId, method, url, headers, query, body,
        receivedAt}``.
    http : what sends requests to addresses that the node names.
    workflow_id : the workflow that the step is of.
    is_entry : whether the run's inputs are for this node, if it is a trigger; another trigger, met on the way to
        what it feeds, has only what it holds itself.
    media : who makes media and keeps them; None where nobody does.
    """

    node: Node
    inputs: Mapping[str, Any]
    ports: Mapping[str, Sequence[PortValue]]
    state: StateView
    routes: Sequence[str | None]
    models: ChatModels
    tools: Tools
    emit: Callable[[str], None]
    key: str = ""
    answer: Answer | None = None
    children: Children | None = None
    targets: Sequence[str] = ()
    execution_id: str = ""
    workspace: str = ""
    starter: str = ""
    kernel: Kernel | None = None
    event: Mapping[str, Any] | None = None
    http: Http | None = None
    workflow_id: str = ""
    is_entry: bool = True
    media: Media | None = None

    def text_in(self, port: str) -> str:
        """Return the texts that arrived at a port, joined by a blank line. Source: spec builder-studio §8.1."""
        return "\n\n".join(str(value.value) for value in self.ports.get(port, ()))


class NodeType:
    """A kind of node. Subclasses are stateless; the registry keeps one instance of each.

    ``credits`` is the price of one visit, unless a registry says otherwise (`Registry.priced`).
    ``timeout_seconds`` bounds one attempt, ``idle_seconds`` the silence between two streamed pieces of it.

    A pure type overrides `decide`, a type with effects overrides `run`. Either may return a `Wait`; it is called again
    with ``context.answer`` when that is over.

    One that does not ``executes`` lies on a canvas and takes no part in a run, nor do its edges; one that is not
    ``placeable`` may not be on a canvas yet.
    """

    type: ClassVar[str]
    profiles: ClassVar[frozenset[Profile]]
    title: ClassVar[str]
    description: ClassVar[str]
    color: ClassVar[str] = "#6b7280"
    icon: ClassVar[str] = "●"
    Data: ClassVar[builtins.type[NodeData]] = NodeData

    effect: ClassVar[Effect] = Effect.PURE
    is_trigger: ClassVar[bool] = False
    executes: ClassVar[bool] = True
    placeable: ClassVar[bool] = True
    credits: Credits = ZERO
    timeout_seconds: ClassVar[float | None] = 10.0
    idle_seconds: ClassVar[float | None] = None
    retry: ClassVar[RetryPolicy] = ONCE
    place: ClassVar[Place] = Place.LOOP

    inputs: ClassVar[tuple[Port, ...]] = ()
    outputs: ClassVar[tuple[Port, ...]] = ()

    def timeout_of(self, node: Node) -> float | None:
        """Return the seconds one attempt of this node may take; None for no limit."""
        del node
        return self.timeout_seconds

    def limited_by(self, node: Node, models: ChatModels) -> tuple[str, ...]:
        """Return the names of the limits on steps at a time that count this node, e.g. ``model:gpt-5``."""
        del node, models
        return ()

    def tools_of(self, node: Node) -> Sequence[str]:
        """Return the names of the tools that this node may call."""
        del node
        return ()

    def child_of(self, node: Node) -> str | None:
        """Return the id of the workflow that this node runs as a part of its own."""
        del node
        return None

    def ways_out(self, node: Node) -> Sequence[str]:
        """Return the labels of edges that this node chooses by, as far as its data names them: its named sockets."""
        del node
        return ()

    def own_input(self, node: Node, port: str) -> bool:
        """Say whether the node's own data supplies a required input port that no edge reaches."""
        del node, port
        return False

    def decide(self, context: StepContext) -> StepResult | Wait:
        """Compute the result of a pure step: no blocking, no I/O."""
        del context
        raise TypeError(f"{type(self).__name__} overrides neither decide() nor run()")

    async def run(self, context: StepContext) -> StepResult | Wait:
        """Do the work of one attempt. Raise `StepError` to fail; let cancellation through."""
        return self.decide(context)
