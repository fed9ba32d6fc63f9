"""The canvas without a browser: what it draws, what it is told, what it says back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipycytoscape
import pytest

import builder_jupyter
from builder_jupyter.client import default
from builder_jupyter.client.client import Client
from builder_jupyter.client.connect import URL_VARIABLE
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.drawing.document import canvas_document, drawn_edges
from builder_jupyter.drawing.inputs import triggers_of
from builder_jupyter.drawing.sockets import Sockets
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.layout import layout
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.notebook.display import workflow_mimebundle
from builder_jupyter.notebook.widgets.canvas import MODULE, MODULE_VERSION, VIEW_MIME, Canvas
from builder_jupyter.notebook.widgets.progress import TAIL, Progress

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # ipywidgets and ipycytoscape bring their own
HELLO = Workflow(
    "Hello",
    (Node("start", "start"), Node("agent", "agent", {"name": "Greeter", "prompt": "Greet."}), Node("end", "end")),
    (Edge("start", "agent"), Edge("agent", "end")),
)


@pytest.fixture
def client() -> Iterator[Client]:
    models = ScriptedModels(ScriptedModel(lambda _: "one two three four five six seven"))
    with Client(open_embedded(models=models)) as made:
        yield made


@pytest.fixture
def canvas(client: Client) -> Iterator[Canvas]:
    made = Canvas(HELLO, client=client)
    yield made
    made.close()


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_canvas_is_one_of_ipycytoscape_with_a_view_of_ours(canvas: Canvas) -> None:
    assert isinstance(canvas, ipycytoscape.CytoscapeWidget)
    state = canvas.get_state()
    assert (state["_model_module"], state["_view_name"]) == (MODULE, "CanvasView")
    assert state["runs_in"] == "kernel"


def test_a_graph_without_code_is_drawn_without_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "no url")
    monkeypatch.setattr(default, "_clients", {})
    drawn = Canvas(HELLO)
    assert drawn.runs_in == "server"
    with pytest.raises(InvalidInput):
        Canvas(replace(HELLO, nodes=(*HELLO.nodes, Node("code", "python"))))
    drawn.close()


def test_its_picture_is_that_of_the_workflow(canvas: Canvas) -> None:
    assert canvas._repr_mimebundle_()["image/svg+xml"] == workflow_mimebundle(HELLO)["image/svg+xml"]


def test_the_versions_of_both_halves_agree() -> None:
    package = json.loads((ROOT / "labextension" / "package.json").read_text())
    said = re.search(r"VERSION = '(.*?)'", (ROOT / "labextension" / "src" / "index.ts").read_text())
    assert said is not None
    assert package["version"] == said[1] == builder_jupyter.__version__
    assert f"^{package['version']}" == MODULE_VERSION
    assert package["name"] == MODULE


def test_the_document_has_all_that_the_browser_needs() -> None:
    document = canvas_document(HELLO, version=7)
    places = layout(HELLO)
    assert [(n["id"], n["label"]) for n in document["nodes"]] == [
        ("start", "start"),
        ("agent", "Greeter"),
        ("end", "end"),
    ]
    assert all((n["x"], n["y"]) == (places[n["id"]].x, places[n["id"]].y) for n in document["nodes"])
    assert document["looks"]["agent"] == {"color": "#8b5cf6", "icon": "✦", "title": "Agent", "credits": 1}
    assert document["version"] == 7
    assert Workflow.from_dict(document["document"]) == HELLO
    assert json.loads(json.dumps(document)) == document


def test_edges_between_the_same_nodes_are_drawn_as_one() -> None:
    edges = (Edge("a", "b", label="x"), Edge("a", "b", label="y"), Edge("a", "b", label="x"), Edge("a", "nowhere"))
    workflow = Workflow("w", (Node("a", "router"), Node("b", "end")), edges)
    assert drawn_edges(workflow, Sockets(workflow, default_registry())) == [
        {"source": "a", "target": "b", "label": "x · y"}
    ]


def test_a_form_asks_for_what_the_workflow_reads() -> None:
    end = Node("end", "end", {"output": "state.messages[-1]"})
    tool = Node("t", "tool", {"args": {"q": ["{{state.search_term}}"]}})
    workflow = Workflow("w", (Node("start", "start"), Node("a", "agent"), tool, end))
    (trigger,) = triggers_of(workflow, default_registry())
    assert [(f["name"], f["label"], f["kind"]) for f in trigger["fields"]] == [
        ("message", "Message", "text"),
        ("search_term", "Search term", "line"),
        ("*", "More inputs (JSON)", "json"),
    ]


def test_direct_triggers_have_their_own_fields() -> None:
    nodes = (
        Node("p", "prompt-trigger", {"prompt": "Hi", "inputKey": "topic"}),
        Node("w", "webhook-trigger"),
    )
    prompt, webhook = triggers_of(Workflow("w", nodes, profile=Profile.DIRECT), default_registry())
    assert prompt["fields"] == [{"name": "topic", "label": "Topic", "kind": "text", "value": "Hi"}]
    assert webhook["fields"][0]["kind"] == "json"


def test_a_run_from_python_is_shown(canvas: Canvas) -> None:
    execution = canvas.run(message="hi")
    assert execution.status == "completed"
    wait_for(lambda: canvas.header.get("status") == "completed" and canvas.header["credits"] == 1)
    assert canvas.statuses["agent"]["status"] == "completed"
    assert canvas.texts["agent"] == "one two three four five six seven"
    assert canvas.execution is not None
    assert canvas.execution.id == execution.id
    assert canvas.workflow.id == canvas.doc["workflowId"] is not None


def test_a_run_asked_for_by_the_view_is_the_same(canvas: Canvas) -> None:
    canvas._on_message(None, {"do": "run", "trigger": "start", "inputs": {"message": "hi"}}, None)
    wait_for(lambda: canvas.header.get("status") == "completed")
    canvas._on_message(None, {"do": "cancel", "execution": canvas.header["id"]}, None)  # over: stays as it is
    assert canvas.header["status"] == "completed"


def test_one_step_is_run_and_replayed_for_the_view(canvas: Canvas) -> None:
    canvas._on_message(None, {"do": "run", "target": "agent", "inputs": {"message": "hi"}}, None)
    wait_for(lambda: canvas.header.get("status") == "completed")
    first = canvas.header["id"]
    assert set(canvas.statuses) == {"start", "agent"}
    canvas._on_message(None, {"do": "replay", "execution": first, "step": "agent"}, None)
    wait_for(lambda: canvas.header["id"] != first and canvas.header["status"] == "completed")
    assert canvas.execution is not None
    assert canvas.execution.snapshot["replayFromStepId"] == "agent"


def test_a_person_answers_by_the_view(client: Client) -> None:
    ask = Workflow(
        "Asks",
        (Node("start", "start"), Node("ask", "human"), Node("end", "end")),
        (Edge("start", "ask"), Edge("ask", "end")),
    )
    canvas = Canvas(ask, client=client)
    run = canvas.start()
    wait_for(lambda: canvas.statuses.get("ask", {}).get("status") == "waiting")
    canvas._on_message(None, {"do": "answer", "execution": run.id, "step": "ask", "answer": "yes"}, None)
    wait_for(lambda: canvas.header["status"] == "completed")
    assert run["ask"].text == "yes"
    canvas.close()


def test_what_cannot_be_done_is_told_to_the_view(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(canvas, "send", said.append)
    canvas._on_message(None, {"do": "run", "trigger": "nobody", "inputs": {}}, None)
    assert "nobody" in said[0]["failed"]


def test_the_view_asks_what_a_run_would_cost(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(canvas, "send", said.append)
    for trigger in ("start", "nobody"):
        canvas._on_message(None, {"do": "estimate", "trigger": trigger, "token": trigger}, None)
    known, unknown = said
    assert known["done"] == "start"
    assert (known["value"]["credits"], known["value"]["mayRepeat"]) == (1, False)
    assert (unknown["token"], "nobody" in unknown["failed"]) == ("nobody", True)


def test_another_graph_keeps_the_id_and_counts_up(canvas: Canvas) -> None:
    canvas.run(message="hi")
    known = canvas.workflow.id
    canvas.workflow = Workflow("Hello", HELLO.nodes[:2])
    assert (canvas.workflow.id, canvas.doc["version"]) == (known, 2)
    assert [node["id"] for node in canvas.doc["nodes"]] == ["start", "agent"]


def test_what_others_save_is_drawn_unless_the_graph_has_changes_of_its_own(canvas: Canvas, client: Client) -> None:
    saved = client.save(HELLO)
    news = {"do": "saved", "workflow": saved.id}
    assert canvas.workflow.id is None
    canvas._on_message(None, news, None)
    assert canvas.doc["workflowId"] == saved.id
    client.save(saved.with_nodes(replace(node, position=Position(7, 7)) for node in saved.nodes))
    canvas._on_message(None, news, None)
    assert canvas.doc["version"] == 2
    assert canvas.doc["nodes"][0]["x"] == 7
    canvas._on_message(None, news, None)
    assert canvas.doc["version"] == 2
    own = canvas.workflow = Workflow(HELLO.name, HELLO.nodes[:2])
    client.save(HELLO)
    canvas._on_message(None, news, None)
    assert canvas.workflow == own
    canvas.workflow = HELLO
    canvas._on_message(None, news, None)
    client.save(saved.with_nodes(replace(node, position=Position(8, 8)) for node in saved.nodes))
    canvas._on_message(None, news, None)
    assert canvas.doc["nodes"][0]["x"] == 8


def test_the_bundle_has_the_view_and_a_picture_that_is_always_the_same(canvas: Canvas) -> None:
    bundle = canvas._repr_mimebundle_()
    assert bundle[VIEW_MIME]["model_id"] == canvas.model_id
    assert bundle["text/plain"].splitlines() == [repr(canvas), "  start -> agent", "  agent -> end"]
    assert bundle["image/svg+xml"] == canvas._repr_mimebundle_()["image/svg+xml"]
    canvas.statuses = {"agent": {"status": "error"}}
    assert "Greeter error" in canvas._repr_mimebundle_()["image/svg+xml"]


def test_the_static_graph_is_plain_ipycytoscape(canvas: Canvas) -> None:
    static = canvas.static()
    assert type(static) is ipycytoscape.CytoscapeWidget
    assert [node.data["id"] for node in static.graph.nodes] == ["start", "agent", "end"]
    assert len(static.graph.edges) == 2
    static.close()


def picture(**more: Any) -> dict[str, Any]:
    head = {"executionId": "e", "status": "running", "createdAt": 0, "startedAt": 1, "finishedAt": None, "error": None}
    return {**head, "inputs": {}, "steps": [], "credits": {"charged": 0, "refunded": 0}, **more}


def token(seq: int, offset: int, text: str) -> dict[str, Any]:
    about = {"seq": seq, "at": seq, "kind": "token", "status": "streaming", "stepId": "a", "visit": 1}
    return {**about, "offset": offset, "text": text}


def test_every_message_carries_the_end_of_the_text_and_the_last_one_all_of_it() -> None:
    progress = Progress(picture())
    whole = "".join(f"{number:05d} " for number in range(1000))
    progress.update(token(n + 1, n * 60, whole[n * 60 : n * 60 + 60]) for n in range(100))
    told = progress.statuses["a"]
    assert (told["status"], told["offset"], told["text"]) == ("streaming", len(whole) - TAIL, whole[-TAIL:])
    outputs = {"out": {"type": "text", "value": whole}}
    done = {"seq": 101, "at": 9, "kind": "step", "status": "completed", "stepId": "a", "visit": 1, "outputs": outputs}
    progress.update([done])
    assert "text" not in progress.statuses["a"]
    assert progress.texts == {"a": whole}


def test_a_picture_ahead_of_its_events_is_not_cut_short_by_them() -> None:
    row = {"stepId": "a", "visit": 1, "status": "streaming", "startedAt": 1, "finishedAt": None, "credits": 0}
    row |= {"text": "one two three ", "error": None, "usage": None, "skipReason": None, "outputs": {}}
    progress = Progress(picture(steps=[row]))
    progress.update([token(1, 0, "one "), token(2, 4, "two ")])
    assert progress.statuses["a"]["text"] == "one two three "
    progress.update([token(3, 8, "three four")])
    assert progress.statuses["a"]["text"] == "one two three four"
    progress.update([token(4, 4, "too")])
    assert progress.statuses["a"]["text"] == "one too"
    progress.replace(picture(steps=[{**row, "status": "completed", "text": "one two."}]))
    progress.update([token(5, 7, " two")])
    assert (progress.statuses["a"]["status"], progress.texts) == ("completed", {"a": "one two."})


def test_old_events_change_nothing_and_new_visits_begin_afresh() -> None:
    progress = Progress(picture())
    progress.update([token(1, 0, "abc"), token(1, 0, "xyz")])
    assert progress.statuses["a"]["text"] == "abc"
    progress.update([{"seq": 2, "at": 2, "kind": "step", "status": "running", "stepId": "a", "visit": 2, "attempt": 1}])
    assert "text" not in progress.statuses["a"]
    assert progress.statuses["a"]["visit"] == 2
