"""The canvas: a workflow as a live graph in a cell, with its runs.

One widget with one view: the graph, a toolbar and a pane for details, all drawn by our own extension of
ipycytoscape's view (`labextension/`). They are not widgets of their own, because a widget's buttons wait for the
kernel: in the view they call the server, so that Run, Cancel and the statuses work while a cell holds the kernel, and
one message carries the whole graph. Where there is no server, the same buttons ask the kernel.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from ipycytoscape import CytoscapeWidget
from traitlets import Dict, List, Unicode

from builder_jupyter.client.connect import URL_VARIABLE
from builder_jupyter.client.content import content_of, has_code
from builder_jupyter.client.default import default_client
from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.drawing.editing import Editing
from builder_jupyter.drawing.pictures import to_mermaid, to_png, to_svg
from builder_jupyter.drawing.svg import HUGE
from builder_jupyter.errors import BuilderError
from builder_jupyter.graph.model import Position, Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.notebook.display import VIEW_MIME, workflow_mimebundle
from builder_jupyter.notebook.widgets.follow import HEALING_SECONDS, LIVE_SECONDS, Following
from builder_jupyter.notebook.widgets.progress import shown_results
from builder_jupyter.notebook.widgets.static import static_graph

if TYPE_CHECKING:
    from builder_jupyter.client.client import Client
    from builder_jupyter.client.code import Code
    from builder_jupyter.client.execution import Execution
    from builder_jupyter.graph.edits import Change
    from builder_jupyter.notebook.widgets.progress import Progress

log = logging.getLogger(__name__)

MODULE = "@builder-jupyter/labextension"
MODULE_VERSION = "^0.1.0"


class Canvas(CytoscapeWidget):  # type: ignore[misc]  # ipycytoscape has no types
    """A workflow as a live graph.

    Parameters
    ----------
    workflow : a workflow, or the id or name of a saved one.
    client : where it runs; the process's own client when None, made when first needed.

    Attributes
    ----------
    doc : what is drawn (see `drawing.document.canvas_document`); assign `workflow` instead.
    statuses : node id to ``{"status", "text", "offset", "error", "usage", "credits", …}`` of the run that is shown.
        Assign it to mark nodes without a run: ``{"agent": {"status": "completed"}}``.
    texts : node id to what it said, whole, once it is done.
    catalogue : the node types that can be added; see `drawing.catalogue`.
    findings : what validation says, as `bj.validate` returns it; empty until the view asks for it.
    header : the run that is shown, in short; empty when there is none.
    selected : the id of the node that is selected, ``""`` for none; assign it to select one.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> hello = bj.Workflow.from_dict({"name": "hello", "nodes": [{"id": "start", "type": "start"},
    ...     {"id": "end", "type": "end"}], "edges": [{"source": "start", "target": "end"}]})
    >>> bj.Canvas(hello).workflow
    <Workflow 'hello': 2 nodes, 1 edge>
    """

    _model_name = Unicode("CanvasModel").tag(sync=True)
    _model_module = Unicode(MODULE).tag(sync=True)
    _model_module_version = Unicode(MODULE_VERSION).tag(sync=True)
    _view_name = Unicode("CanvasView").tag(sync=True)
    _view_module = Unicode(MODULE).tag(sync=True)
    _view_module_version = Unicode(MODULE_VERSION).tag(sync=True)

    doc = Dict().tag(sync=True)
    statuses = Dict().tag(sync=True)
    texts = Dict().tag(sync=True)
    catalogue: Any = List().tag(sync=True)
    findings = Dict().tag(sync=True)
    header = Dict().tag(sync=True)
    selected = Unicode("").tag(sync=True)
    runs_in = Unicode("server", help="`server` or `kernel`: whom the buttons ask.").tag(sync=True)
    worker = Unicode("", help="Lets the Run button start runs whose python nodes run in this kernel.").tag(sync=True)

    def __init__(self, workflow: Workflow | str, *, client: Client | None = None, **traits: Any) -> None:
        self._client = client
        self._editing = Editing(workflow if isinstance(workflow, Workflow) else self.client.workflow(workflow))
        self._saved: Workflow | None = None
        self._following: Following | None = None
        self._execution: Execution | None = None
        self._telling = RLock()
        super().__init__(
            doc=self._editing.document(),
            catalogue=catalogue(default_registry(), self._editing.workflow.profile),
            runs_in="server" if _is_this_server(client) else "kernel",
            cytoscape_layout={"name": "preset", "fit": False},
            cytoscape_style=[],
            auto_unselectify=False,
            auto_ungrabify=True,
            min_zoom=0.02,
            max_zoom=4.0,
            **traits,
        )
        self._attach()
        if self.workflow.id and not self.statuses:
            self._show_results(self.workflow.id)
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return f"<Canvas of {self.workflow!r}>"

    def _repr_mimebundle_(self, **selection: Any) -> dict[str, Any]:
        """Return the view, and for where there is no kernel or no extension, the picture behind it."""
        places = {node["id"]: Position(node["x"], node["y"]) for node in self.doc["nodes"]}
        bundle = workflow_mimebundle(self.workflow, statuses=self._words, places=places, **selection)
        edges = [f"  {e['source']} -> {e['target']}{e['label'] and ' : '}{e['label']}" for e in self.doc["edges"]]
        if len(self.doc["nodes"]) > HUGE:
            del bundle["text/html"]  # it is the picture once more
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**bundle, "text/plain": "\n".join([repr(self), *edges]), VIEW_MIME: view}

    @property
    def client(self) -> Client:
        """The door to where the workflow runs."""
        if self._client is None:
            self._client = default_client()
        return self._client

    @property
    def workflow(self) -> Workflow:
        """The workflow that is drawn. Assign another: the view stays where it is, and what differs is redrawn."""
        return self._editing.workflow

    @workflow.setter
    def workflow(self, workflow: Workflow) -> None:
        if workflow.id is None and workflow.name == self.workflow.name:
            workflow = replace(workflow, id=self.workflow.id)
        with self._redrawing():
            self._editing.replace(workflow)

    def edit(self, title: str, changes: Sequence[Change]) -> None:
        """Make changes (`graph.edits`) as one step that `undo` takes back, e.g. ``Rename agent``.

        Raises
        ------
        InvalidInput : ``INVALID_EDIT``; nothing has changed.
        """
        with self._redrawing():
            self._editing.edit(title, changes)

    def arrange(self, how: str = "layered") -> None:
        """Place all nodes anew as one step. Raises `InvalidInput` (``UNKNOWN_LAYOUT``)."""
        with self._redrawing():
            self._editing.arrange(how)

    def undo(self) -> None:
        """Take the last step back, whoever took it: mouse, form, cell."""
        with self._redrawing():
            self._editing.undo()

    def redo(self) -> None:
        """Take the step that was taken back again."""
        with self._redrawing():
            self._editing.redo()

    def save(self) -> None:
        """Save the workflow that is drawn under its name; errors are those of `Client.save`."""
        saved = self.client.save(self.workflow)
        self._saved = saved
        self._know_id(str(saved.id))

    @property
    def execution(self) -> Execution | None:
        """The run that is shown; None when there is none."""
        shown = self.header.get("id")
        if shown and (self._execution is None or self._execution.id != shown):
            self._execution = self.client.execution(shown)
        return self._execution

    def start(
        self,
        inputs: Mapping[str, Any] | str | None = None,
        /,
        *,
        trigger: str | None = None,
        target: str | None = None,
        **values: Any,
    ) -> Execution:
        """Begin a run, show it and return at once; arguments and errors are those of `Client.start`."""
        execution = self.client.start(self.workflow, inputs, trigger=trigger, target=target, **values)
        self._execution = execution
        self._know_id(str(execution.snapshot["canvasId"]))
        self.show(execution)
        return execution

    def run(
        self, inputs: Mapping[str, Any] | str | None = None, /, *, trigger: str | None = None, **values: Any
    ) -> Execution:
        """Run the workflow to its end, showing it here, and return the execution, failed or not.

        An interrupt cancels the run. Everything else is as in `Client.run`.
        """
        execution = self.start(inputs, trigger=trigger, **values)
        try:
            return execution.wait(show=False)
        except KeyboardInterrupt:
            execution.cancel()
            raise

    def show(self, execution: Execution | str) -> None:
        """Show a run: live while it goes on, as it ended when it is over."""
        execution_id = execution if isinstance(execution, str) else execution.id
        pace = HEALING_SECONDS if self.runs_in == "server" else LIVE_SECONDS
        with self._telling:  # a run that is over is told of once, maybe before its following has its name here
            if self._following is not None:
                if self._following.execution_id == execution_id:
                    return
                self._following.stop()
            self._following = Following(self.client.transport, execution_id, self._tell, seconds=pace)

    def to_langgraph(self, **options: bool) -> Code:
        """Return the workflow that is drawn as a LangGraph module; see `Client.to_langgraph`."""
        return self.client.to_langgraph(self.workflow, **options)

    def to_mermaid(self) -> str:
        """Return what is drawn, statuses included, as a Mermaid flowchart."""
        return to_mermaid(self.workflow, statuses=self._words)

    def to_svg(self) -> str:
        """Return what is drawn, statuses included, as an SVG text."""
        return to_svg(self.workflow, statuses=self._words)

    def to_png(self, *, scale: float = 2.0, theme: str = "light") -> bytes:
        """Return what is drawn, statuses included, as a PNG; arguments and errors are those of `bj.to_png`."""
        return to_png(self.workflow, statuses=self._words, scale=scale, theme=theme)

    @property
    def _words(self) -> dict[str, str]:
        """The status of each node that has one."""
        return {node_id: str(status.get("status")) for node_id, status in self.statuses.items()}

    def static(self) -> CytoscapeWidget:
        """Return a plain ipycytoscape widget of the graph, to look at, for front ends without our extension."""
        return static_graph(self.workflow, {name: one.get("status", "") for name, one in self.statuses.items()})

    def close(self) -> None:
        """Follow no more and close the widget; the run goes on."""
        if self._following is not None:
            self._following.stop()
        super().close()

    def _tell(self, progress: Progress) -> None:
        """Show how the run stands. Called on the client's loop: a cell may hold the main thread."""
        with self._telling, self.hold_sync():
            following = self._following
            if following is not None and following.execution_id != progress.header["id"]:
                return
            self.header = progress.header
            self.statuses = progress.statuses
            self.texts = progress.texts

    @contextmanager
    def _redrawing(self) -> Iterator[None]:
        """Draw what is done to the workflow meanwhile."""
        with self._telling:
            yield
            self.doc = self._editing.document()
        self._attach()

    def _judge(self) -> None:
        """Show what validation says; a canvas that cannot be told shows nothing of it."""
        try:
            self.findings = self.client.validate(self.workflow)
        except BuilderError as error:
            log.info("the findings about %r are not to be had: %s", self.workflow, error)

    def _estimate(self, trigger: str) -> dict[str, Any]:
        """Return what a run that begins at the trigger would cost."""
        transport = self.client.transport
        return transport.portal.wait(transport.estimate(self.workflow, trigger))

    def _attach(self) -> None:
        """Offer this kernel to the Run button, which asks the server and not us."""
        # Only where there is code: connecting loads an HTTP client, which costs more than drawing a small graph.
        if self.runs_in == "server" and not self.worker and has_code(self.workflow):
            self.worker = self.client.attach_for(self.workflow)

    def _show_results(self, workflow_id: str) -> None:
        """Show how each node ended last; a canvas that cannot be told is one without results."""
        transport = self.client.transport
        try:
            results = transport.portal.wait(transport.results(workflow_id))
        except BuilderError as error:
            log.info("the last results of %s are not to be had: %s", workflow_id, error)
            return
        self.statuses, self.texts = shown_results(results)

    def _know_id(self, workflow_id: str) -> None:
        if self.workflow.id != workflow_id:
            with self._telling:
                self._editing.replace(replace(self.workflow, id=workflow_id))
                self.doc = {**self.doc, "workflowId": workflow_id}

    def _follow(self, workflow_id: str, execution_id: str) -> None:
        """Show what the view has begun, or has seen others begin."""
        self._know_id(workflow_id)
        self.show(execution_id)

    def _compare_with_saved(self, workflow_id: str) -> None:
        """Draw what somebody else has saved, unless the graph here has changes of its own."""
        stored = self.client.workflow(workflow_id)
        if self._saved is not None and content_of(self.workflow) == content_of(self._saved) != content_of(stored):
            self.workflow = stored
        if content_of(self.workflow) == content_of(stored):
            self._saved = stored
            self._know_id(workflow_id)

    def _on_message(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        """Do what the view asks for; what goes wrong is shown there."""
        act = _ASKED.get(str(content.get("do")))
        if act is None:
            return
        try:
            said = act(self, content)
        except BuilderError as error:
            self.send({"failed": str(error), "token": content.get("token"), "details": error.details})
        else:
            if content.get("token"):
                self.send({"done": content["token"], "value": said if isinstance(said, dict) else None})


_ASKED: dict[str, Callable[[Canvas, Mapping[str, Any]], object]] = {
    "run": lambda canvas, asked: canvas.start(
        asked["inputs"], trigger=asked.get("trigger"), target=asked.get("target")
    ),
    "replay": lambda canvas, asked: canvas.show(canvas.client.execution(asked["execution"]).replay(asked["step"])),
    "answer": lambda canvas, asked: canvas.client.execution(asked["execution"]).answer(asked["answer"], asked["step"]),
    "cancel": lambda canvas, asked: canvas.client.execution(asked["execution"]).cancel(),
    "follow": lambda canvas, asked: canvas._follow(asked["workflow"], asked["execution"]),  # noqa: SLF001 - our own
    "saved": lambda canvas, asked: canvas._compare_with_saved(asked["workflow"]),  # noqa: SLF001
    "judge": lambda canvas, _asked: canvas._judge(),  # noqa: SLF001
    "estimate": lambda canvas, asked: canvas._estimate(asked["trigger"]),  # noqa: SLF001
    "edit": lambda canvas, asked: canvas.edit(asked["title"], asked["changes"]),
    "save": lambda canvas, _asked: canvas.save(),
    "arrange": lambda canvas, asked: canvas.arrange(asked["layout"]),
    "undo": lambda canvas, _asked: canvas.undo(),
    "redo": lambda canvas, _asked: canvas.redo(),
}
"""What the view may ask for; a message names it in ``do``."""


def _is_this_server(client: Client | None) -> bool:
    """Whether the browser's own server is the one that has the runs."""
    here = os.environ.get(URL_VARIABLE, "")
    return bool(here) and (client is None or client.transport.where.rstrip("/") == here.rstrip("/"))
