"""The door for programs: save workflows, run them, look at what became of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from decimal import Decimal
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from builder_jupyter.client.code import Code
from builder_jupyter.client.content import content_of, has_code, inputs_of
from builder_jupyter.client.estimate import Estimate
from builder_jupyter.client.execution import Execution
from builder_jupyter.client.frames import (
    estimate_frame,
    executions_frame,
    transactions_frame,
    versions_frame,
    workflows_frame,
)
from builder_jupyter.client.protocol import MAX_PAGE, Transport, Wire
from builder_jupyter.client.saved import SavedWorkflow, saved_by
from builder_jupyter.errors import BuilderError, InvalidInput, NotFound, Unavailable
from builder_jupyter.graph.model import Workflow
from builder_jupyter.graph.version import without_marks
from builder_jupyter.money import Credits

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import pandas as pd

    from builder_jupyter.graph.diff import WorkflowDiff

log = logging.getLogger(__name__)

T = TypeVar("T")

_WORKFLOW_ID = re.compile(r"wf_[0-9a-f]{12}")


class Client:
    """Blocking methods over a `Transport`, which it owns: `close` it, or use it in a ``with`` statement.

    Make one with `connect.connect`. Its methods may be called from any thread, and inside a running event loop.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def __repr__(self) -> str:
        return f"<Client {self.transport.where}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection, or stop the runtime of this process. Idempotent."""
        self.transport.close()

    # -- workflows ---------------------------------------------------------------------------------------------

    def save(self, workflow: Workflow, message: str | None = None) -> SavedWorkflow:
        """Save a workflow under its name and return it with its id.

        A new name makes a workflow; a known one gets a new version if the content differs, and nothing if not. Of
        several of one name it is the one that was changed last. What is published is no part of the content.

        Raises
        ------
        Unprocessable : ``VALIDATION_FAILED``; nothing is saved.
        """
        workflow = without_marks(workflow)
        self._offer_tools()
        for summary in self._ask(self.transport.list_workflows(workflow.name, limit=1)):
            stored = self._ask(self.transport.get_workflow(summary["id"]))
            if content_of(stored) == content_of(workflow):
                return saved_by(self, stored)
            if stored.profile is workflow.profile:
                return saved_by(self, self._ask(self.transport.update_workflow(summary["id"], workflow, message)))
        return saved_by(self, self._ask(self.transport.create_workflow(workflow, message)))

    def workflow(self, id_or_name: str, version: int | None = None) -> SavedWorkflow:
        """Return a saved workflow by id or exact name, as it is or as it was saved as a version.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``VERSION_NOT_FOUND``.
        """
        return saved_by(self, self._ask(self.transport.get_workflow(self._id(id_or_name), version)))

    def _id(self, workflow: Workflow | str) -> str:
        """Return the id of a saved workflow. Raises `NotFound` (``WORKFLOW_NOT_FOUND``)."""
        if isinstance(workflow, Workflow) and workflow.id is not None:
            return workflow.id
        name = workflow.name if isinstance(workflow, Workflow) else workflow
        if isinstance(workflow, str) and _WORKFLOW_ID.fullmatch(workflow):
            return workflow
        for summary in self._ask(self.transport.list_workflows(name, limit=1)):
            return str(summary["id"])
        raise NotFound(f"No saved workflow has the id or name {name!r}.", code="WORKFLOW_NOT_FOUND")

    def workflows(self) -> pd.DataFrame:
        """Return all saved workflows, one row each, newest change first."""
        found: list[Wire] = []
        while page := self._ask(self.transport.list_workflows(offset=len(found))):
            found += page
            if len(page) < MAX_PAGE:
                break
        return workflows_frame(found)

    def delete(self, id_or_name: str) -> None:
        """Delete a saved workflow with all its versions; its executions stay."""
        self._ask(self.transport.delete_workflow(self._id(id_or_name)))

    # -- versions ----------------------------------------------------------------------------------------------

    def versions(self, workflow: Workflow | str) -> pd.DataFrame:
        """Return the saved versions of a workflow, one row each, newest first; ``published`` is what triggers run."""
        workflow_id = self._id(workflow)
        published = self._ask(self.transport.get_workflow(workflow_id)).metadata.get("deployed_version")
        entries = self._ask(self.transport.versions(workflow_id))
        return versions_frame([{**entry, "published": entry["version"] == published} for entry in entries])

    def diff(self, workflow: Workflow | str, before: int | None = None, after: int | None = None) -> WorkflowDiff:
        """Return what has changed between two versions of a workflow; see `SavedWorkflow.diff`.

        ``before`` is the newest one if left out. ``after``, if left out, is the workflow as it is given, or the newest.
        """
        from builder_jupyter.graph.diff import diff_workflows

        workflow_id = self._id(workflow)
        given = workflow if isinstance(workflow, Workflow) else self.workflow(workflow_id)
        earlier = self._ask(self.transport.get_workflow(workflow_id, before))
        later = given if after is None else self._ask(self.transport.get_workflow(workflow_id, after))
        titles = (
            "the newest version" if before is None else f"version {before}",
            "now" if after is None else f"version {after}",
        )
        return diff_workflows(content_of(earlier), content_of(later), titles=titles)

    def rollback(self, workflow: Workflow | str, version: int) -> SavedWorkflow:
        """Save a new version of a workflow with the content of an earlier one, and return it.

        Raises
        ------
        NotFound : ``VERSION_NOT_FOUND``, ``WORKFLOW_NOT_FOUND``.
        """
        workflow_id = self._id(workflow)
        self._ask(self.transport.roll_back(workflow_id, version))
        return self.workflow(workflow_id)

    def publish(self, workflow: Workflow | str, version: int | None = None) -> int:
        """Let webhooks, API calls and other triggers run one version, the newest if none is given; return which.

        What a person starts is always the newest version.

        Raises
        ------
        NotFound : ``VERSION_NOT_FOUND``, ``WORKFLOW_NOT_FOUND``.
        Unprocessable : ``VALIDATION_FAILED``: that version could not run.
        """
        return self._ask(self.transport.publish(self._id(workflow), version))

    def unpublish(self, workflow: Workflow | str) -> None:
        """Let the triggers run the newest version again."""
        self._ask(self.transport.unpublish(self._id(workflow)))

    def validate(self, workflow: Workflow) -> Wire:
        """Judge a workflow: ``{"valid", "errors", "warnings"}``, each finding with type, message, place and ``fixes``.

        A fix has a ``title`` and ``changes``; ``workflow.edited(fix["changes"])`` is the workflow put right.
        """
        self._offer_tools()
        return self._ask(self.transport.validate(workflow))

    def estimate(self, workflow: Workflow | str, *, trigger: str | None = None, target: str | None = None) -> Estimate:
        """Return what a run would cost, saved or not; nothing is saved or run.

        Parameters
        ----------
        workflow : a workflow, or the id or name of a saved one.
        trigger, target : as in `start`.

        Raises
        ------
        NotFound, InvalidInput : as `start`, for what cannot run.
        """
        if trigger is not None and target is not None:
            raise InvalidInput("Name a trigger or a target.", code="TWO_ENTRIES")
        graph = workflow if isinstance(workflow, Workflow) else self.workflow(workflow)
        found = self._ask(self.transport.estimate(graph, trigger, target))
        return Estimate(Credits(Decimal(str(found["credits"]))), bool(found["mayRepeat"]), estimate_frame(found))

    def tools(self) -> list[Wire]:
        """Return the tools that workflows may name, built-in ones first: ``{"name", "description", "parameters"}``."""
        return self._ask(self.transport.list_tools())

    def resources(self) -> list[Wire]:
        """Return the resources of configured MCP servers: ``{"uri", "name", "mimeType"}``."""
        return self._ask(self.transport.list_resources())

    def import_code(self, code: str, *, layout: str = "hierarchical") -> Wire:
        """Read LangGraph code as a workflow; nothing is run or saved.

        Returns
        -------
        ``{"workflow", "validation", "message", "report"}``; the report lists ``{line, what, why}`` of what the workflow
        does not say as the code did.

        Raises
        ------
        InvalidInput : ``INVALID_CODE``.
        """
        return self._ask(self.transport.import_code(code, layout))

    def to_langgraph(
        self,
        workflow: Workflow,
        *,
        include_types: bool = True,
        include_docstrings: bool = True,
        include_mcp_tools: bool = True,
        checkpoint_config: bool = False,
        async_mode: bool = False,
    ) -> Code:
        """Return a workflow as a LangGraph module, which a cell shows in colours (docs/codegen.md).

        Parameters
        ----------
        include_types, include_docstrings : write annotations, and a line on every function.
        include_mcp_tools : run tools by an MCP client, where the workflow has tools.
        checkpoint_config : compile ``app`` with a checkpointer in memory.
        async_mode : write ``async`` functions.

        Raises
        ------
        Unprocessable : ``VALIDATION_FAILED``; ``NOT_EXPORTABLE`` for what LangGraph has nothing for.
        """
        options = {
            "include_types": include_types,
            "include_docstrings": include_docstrings,
            "include_mcp_tools": include_mcp_tools,
            "checkpoint_config": checkpoint_config,
            "async_mode": async_mode,
        }
        found = self._ask(self.transport.generate(workflow, options))
        return Code(found["code"], found["filename"], tuple(found["dependencies"]))

    def status(self) -> Wire:
        """Return how the services do: ``version``, executions ``resumed``, ``active`` and ``waiting``, ``failure``.

        ``dataDir`` is where the database lies, None in memory and for API keys.
        """
        return self._ask(self.transport.status())

    def credits(self) -> Wire:
        """Return the balance: ``{workspaceId, balance, updatedAt}``; `transactions` says how it came about."""
        return self._ask(self.transport.credits.balance())

    def transactions(self, limit: int = 50) -> pd.DataFrame:
        """Return what changed the balance, one row each, newest first."""
        return transactions_frame(self._ask(self.transport.credits.transactions(limit)))

    def budget(self, credits_per_month: int | EllipsisType | None = ...) -> Wire:
        """Return what may be spent in this calendar month (UTC); with a number set that limit, with None lift it.

        Runs beyond it are refused with `BudgetExceeded`, also where the balance would do.
        """
        if isinstance(credits_per_month, EllipsisType):
            return self._ask(self.transport.credits.budget())
        return self._ask(self.transport.credits.set_budget(credits_per_month))

    # -- this process as a kernel --------------------------------------------------------------------------------

    def attach(self, *, everything: bool = False) -> None:
        """Let this process run the python nodes of the runs that this client starts, among its own variables.

        A notebook attaches by itself when it starts a run that has python nodes. ``everything`` takes the python
        nodes of all runs of the workspace too, whoever starts them, unless their own notebook does.

        Raises
        ------
        Unavailable : the server cannot be reached.
        """
        self._ask(self.transport.attach(everything=everything))

    def detach(self) -> None:
        """Run no more steps in this process; those under way are interrupted and fail."""
        self._ask(self.transport.detach())

    def attach_for(self, workflow: Workflow) -> str:
        """Attach if this process is a notebook's kernel and has something for the workflow; return the worker's token.

        That is python nodes, or functions that are tools (`function_tools.tool`). ``""`` when it is not attached. That
        it cannot be is a warning: the nodes then run in a fresh kernel, and there are no such tools.
        """
        from builder_jupyter.client.function_tools import TOOLS

        return self._attach_if(bool(TOOLS) or has_code(workflow))

    def _offer_tools(self) -> None:
        """Attach if this notebook has functions that are tools: whoever judges a workflow must know of them."""
        from builder_jupyter.client.function_tools import TOOLS

        self._attach_if(bool(TOOLS))

    def _attach_if(self, is_wanted: bool) -> str:
        from builder_jupyter.client.steps import in_kernel

        if not (is_wanted and in_kernel()):
            return ""
        try:
            return self._ask(self.transport.attach())
        except BuilderError as error:
            log.warning("The run will not see this notebook's variables and tools: %s", error)
            return ""

    # -- executions --------------------------------------------------------------------------------------------

    def start(
        self,
        workflow: Workflow | str,
        inputs: Mapping[str, Any] | str | None = None,
        /,
        *,
        trigger: str | None = None,
        target: str | None = None,
        whole: bool = False,
        **values: Any,
    ) -> Execution:
        """Begin a run and return at once; ``await`` the execution, or `Execution.wait` for it.

        Parameters
        ----------
        workflow : a workflow, which is saved first (see `save`), or the id or name of a saved one.
        inputs : the run's inputs by name; a text alone is the ``message``.
        trigger : the node to start from; needed where the workflow has more than one trigger.
        target : run this node and all that it needs, instead of what a trigger leads to.
        whole : run all that is connected.
        values : more inputs, over those of ``inputs``.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``NODE_NOT_FOUND``, ``UNKNOWN_NODE_TYPE``.
        InvalidInput : the workflow or the node cannot run, or the inputs are no mapping; ``TWO_ENTRIES``.
        Unprocessable : ``VALIDATION_FAILED``.
        """
        if sum((trigger is not None, target is not None, whole)) > 1:
            raise InvalidInput("Name a trigger or a target, or run the whole workflow.", code="TWO_ENTRIES")
        given = inputs_of(inputs) | values
        saved = self.save(workflow) if isinstance(workflow, Workflow) else self.workflow(workflow)
        self.attach_for(saved)
        execution_id = self._ask(self.transport.start(saved.id or "", given, trigger, target=target, whole=whole))
        return self.execution(execution_id)

    def run(
        self,
        workflow: Workflow | str,
        inputs: Mapping[str, Any] | str | None = None,
        /,
        *,
        trigger: str | None = None,
        target: str | None = None,
        whole: bool = False,
        show: bool | None = None,
        **values: Any,
    ) -> Execution:
        """Run a workflow to its end, showing how it gets on, and return the execution, failed or not.

        An interrupt cancels the run. It also returns when the run can only go on after a person's answer. ``show`` is
        that of `progress.choose`; everything else is as in `start`.
        """
        execution = self.start(workflow, inputs, trigger=trigger, target=target, whole=whole, **values)
        try:
            return execution.wait(show=show)
        except KeyboardInterrupt:
            execution.cancel()
            raise

    def execution(self, execution_id: str) -> Execution:
        """Return a run by its id. Raises `NotFound` (``EXECUTION_NOT_FOUND``)."""
        return Execution(self.transport, self._ask(self.transport.snapshot(execution_id)))

    def executions(self, workflow: str | None = None, *, limit: int = 50) -> pd.DataFrame:
        """Return the newest runs, of one workflow (id or name) if given, one row each."""
        workflow_id = None if workflow is None else self.workflow(workflow).id
        return executions_frame(self._ask(self.transport.executions(workflow_id, limit=limit)))

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        if not self.transport.portal.is_open:
            work.close()
            raise Unavailable("This client is closed.", code="CLIENT_CLOSED", hint="Make a new one with connect().")
        return self.transport.portal.wait(work)
