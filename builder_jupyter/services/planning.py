"""Make the plan of a run from stored workflows, and keep it while the workflow stays as it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Mode, Plan
from builder_jupyter.planning.planner import find_trigger, plan_canvas, plan_target, plan_trigger
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.validation import result

KEPT_PLANS = 256
MAX_NESTING = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What of a workflow is to run: from a trigger node (None: the only one), for a target node, or all of it."""

    mode: Mode = Mode.TRIGGER
    node: str | None = None


ITS_TRIGGER = Entry()
"""The only trigger there is."""


class PlanService:
    """Plans of stored workflows."""

    def __init__(self, workflows: WorkflowService, registry: Registry) -> None:
        self._workflows = workflows
        self._registry = registry
        self._plans: OrderedDict[tuple[str, int, Entry], Plan] = OrderedDict()

    async def plan(
        self,
        principal: Principal,
        workflow_id: str,
        entry: Entry,
        *,
        published: bool = False,
        around: tuple[str, ...] = (),
    ) -> Plan:
        """Return the plan of the current version of a workflow, or of the published one where there is one.

        ``published`` goes for the workflows that this one runs, too. ``around`` are those that run this one as a part
        of theirs, outermost first.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``NODE_NOT_FOUND``, ``UNKNOWN_NODE_TYPE``.
        InvalidInput : it cannot run; see `planning.planner`. ``WORKFLOW_RECURSION``: it is a part of itself.
        """
        stored = await self._workflows.get(principal, workflow_id)
        version = (published and stored.published_version) or stored.version
        key = (stored.id, version, entry)
        if key in self._plans:
            return self._plans[key]
        stored = await self._workflows.get(principal, workflow_id, version)
        inner = self._inner(stored.workflow)
        children = {
            name: await self._child(principal, name, (*around, stored.id), published=published) for name in inner
        }
        plan = self._made(stored.workflow, entry, stored.version, children)
        self._check(principal, stored.workflow)
        if not children:  # a plan with parts is as new as the newest of them
            self._plans[key] = plan
            if len(self._plans) > KEPT_PLANS:
                self._plans.popitem(last=False)
        return plan

    async def preview(self, principal: Principal, workflow: Workflow, entry: Entry) -> Plan:
        """Return the plan that a workflow would have, stored or not; its parts are as stored now. Raises as `plan`."""
        children = {name: await self._child(principal, name, ()) for name in self._inner(workflow)}
        return self._made(workflow, entry, 1, children)

    def _inner(self, workflow: Workflow) -> list[str]:
        """Return the ids of the workflows that nodes of this one run, each once."""
        found: dict[str, None] = {}
        for node in workflow.nodes:
            node_type = self._registry.find(workflow.profile, node.type)
            child = node_type.child_of(node) if node_type is not None else None
            if child is not None:
                found[child] = None
        return list(found)

    async def _child(
        self, principal: Principal, workflow_id: str, around: tuple[str, ...], *, published: bool = False
    ) -> Plan:
        if workflow_id in around or len(around) > MAX_NESTING:
            chain = " -> ".join([*around, workflow_id])
            raise InvalidInput(f"A workflow cannot be a part of itself: {chain}.", code="WORKFLOW_RECURSION")
        try:
            return await self.plan(principal, workflow_id, ITS_TRIGGER, published=published, around=around)
        except NotFound as error:
            if error.code != "WORKFLOW_NOT_FOUND":
                raise
            outer = f"Workflow {around[-1]!r}" if around else "It"
            raise InvalidInput(
                f"{outer} runs workflow {workflow_id!r}, which is not to be found.",
                code="CHILD_WORKFLOW_NOT_FOUND",
            ) from error

    def _made(self, workflow: Workflow, entry: Entry, version: int, children: dict[str, Plan]) -> Plan:
        match entry.mode:
            case Mode.TRIGGER:
                root = entry.node or find_trigger(workflow, registry=self._registry)
                return plan_trigger(workflow, root, registry=self._registry, version=version, children=children)
            case Mode.TARGET if entry.node is not None:
                return plan_target(workflow, entry.node, registry=self._registry, version=version, children=children)
            case _:
                return plan_canvas(workflow, registry=self._registry, version=version, children=children)

    def _check(self, principal: Principal, workflow: Workflow) -> None:
        verdict = result(self._workflows.findings(principal, workflow))
        if not verdict["valid"]:
            first = verdict["errors"][0]
            raise InvalidInput(f"The workflow cannot run: {first['message']}.", code=first["type"], details=verdict)
