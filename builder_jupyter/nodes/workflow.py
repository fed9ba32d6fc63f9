"""Another workflow as one step of this one, and the same for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import FrozenDict, Node, PortType, Profile
from builder_jupyter.graph.templates import as_text, fill
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import (
    Effect,
    NodeData,
    NodeType,
    OnFailure,
    PortValue,
    StepContext,
    StepResult,
)
from builder_jupyter.nodes.chat import Message

MAX_ITEMS = 10_000


class WorkflowData(NodeData):
    """``workflow`` is the id of a workflow of the same workspace; ``inputs`` may hold ``{{state.…}}``.

    Without ``inputs`` the other workflow gets the newest message as ``message``.
    """

    workflow: str = Field(
        default="", title="Workflow", description="The id of a saved workflow.", json_schema_extra=forms.WORKFLOW
    )
    inputs: Mapping[str, Any] = Field(
        default=FrozenDict(),
        title="Inputs",
        description="Without any it gets the newest message as “message”.",
        json_schema_extra=forms.ARGUMENTS,
    )


class WorkflowNode(NodeType):
    """Runs another workflow as a child execution and goes on with its output.

    It takes part as it was when this execution was admitted; it may wait, and it is cancelled with its parent.
    """

    type = "workflow"
    profiles = frozenset({Profile.BUILDER})
    title = "Workflow"
    description = "Runs another workflow and goes on with its output."
    color = "#0ea5e9"
    icon = "▣"
    Data = WorkflowData
    effect = Effect.WORLD
    timeout_seconds = None

    def child_of(self, node: Node) -> str | None:
        """Return the id of the workflow that the node names."""
        return str(node.data.get("workflow") or "") or None

    async def run(self, context: StepContext) -> StepResult:
        """Run it once."""
        data = WorkflowData.model_validate(context.node.data)
        inputs = fill(data.inputs, context.state.as_mapping()) or {"message": context.state.routed_text}
        output = (await _children(context).run([inputs], concurrency=1, on_failure=OnFailure.FAIL))[0]
        return _result(context, output)


class MapData(WorkflowData):
    """``items``: a list, or a template that gives one. ``inputs`` may hold ``{{state.item}}`` and ``{{state.index}}``.

    Without ``inputs`` each child gets ``item``, ``index`` and the item as ``message``. ``concurrency`` is how many run
    at a time; ``onFailure`` what the failure of one means: ``fail`` ends the step, ``skip`` leaves its result out,
    ``collect`` puts ``{"error": …}`` in its place.
    """

    items: Any = Field(
        default="{{state.items}}",
        title="Items",
        description="A list, or {{state.…}} of one.",
        json_schema_extra=forms.TEMPLATE,
    )
    concurrency: int = Field(default=8, ge=1, le=1000, title="At a time", description="How many run side by side.")
    onFailure: OnFailure = Field(  # noqa: N815 - the wire's name
        default=OnFailure.FAIL,
        title="When one fails",
        description="End the step, skip the result, or collect the error in its place.",
    )


class MapNode(WorkflowNode):
    """Runs another workflow for each item of a list; the outputs are a list in the order of the items."""

    type = "map"
    title = "Map"
    description = "Runs another workflow for each item of a list."
    icon = "⁂"
    Data = MapData

    async def run(self, context: StepContext) -> StepResult:
        """Run it once an item."""
        data = MapData.model_validate(context.node.data)
        state = context.state.as_mapping()
        items = fill(data.items, state)
        if not isinstance(items, list | tuple):
            raise StepError(
                f"The items of {context.node.id!r} are no list but {type(items).__name__}.",
                code="NOT_A_LIST",
                hint="Write items as {{state.…}} of a list, e.g. {{state.tickets}} for an input of that name.",
            )
        if len(items) > MAX_ITEMS:
            raise StepError(f"Node {context.node.id!r} has {len(items)} items; {MAX_ITEMS} are the limit.")
        jobs = [_job(data, state, index, item) for index, item in enumerate(items)]
        found = await _children(context).run(jobs, concurrency=data.concurrency, on_failure=data.onFailure)
        return _result(context, found)


def _job(data: MapData, state: Mapping[str, Any], index: int, item: Any) -> dict[str, Any]:
    if data.inputs:
        return dict(fill(data.inputs, {**state, "item": item, "index": index}))
    return {"item": item, "index": index, "message": as_text(item)}


def _children(context: StepContext) -> Any:
    if context.children is None:
        raise StepError(f"Node {context.node.id!r} names no workflow to run.", code="MISSING_WORKFLOW")
    return context.children


def _result(context: StepContext, output: Any) -> StepResult:
    text = as_text(output)
    return StepResult(
        outputs={"text-out": PortValue(PortType.TEXT, text)},
        messages=(Message("assistant", text, name=context.node.id),) if text else (),
        result=output,
    )
