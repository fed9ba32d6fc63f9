"""Answering from a cell: the form's fields, its buttons, and the magics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from shell_kit import failure

from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.client.execution import Execution
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.model import Workflow
from builder_jupyter.notebook import display
from builder_jupyter.notebook.display import VIEW_MIME, execution_mimebundle
from builder_jupyter.notebook.widgets.answers import AnswerForm, RunView, run_view
from builder_jupyter.notebook.widgets.canvas import Canvas

SCHEMA = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approved?"},
        "amount": {"type": "integer", "minimum": 1, "description": "In <euros>."},
        "rate": {"type": "number"},
        "reason": {"enum": ["fair", "too much"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
    },
    "required": ["amount", "reason"],
}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    script = ScriptedModel(lambda request: f"About: {request.messages[-1].content}")
    with Client(open_embedded(models=ScriptedModels(script))) as client:
        for module in ("magics.workflows", "magics.runs", "completion"):
            monkeypatch.setattr(f"builder_jupyter.notebook.{module}.default_client", lambda: client)
        yield client


@pytest.fixture
def ask(client: Client) -> Callable[..., Execution]:
    """Begin a run that asks, and wait for the question."""

    def run(**data: Any) -> Execution:
        nodes = [{"id": "start", "type": "start"}, {"id": "agent", "type": "agent"},
                 {"id": "ask", "type": "human", "data": data}, {"id": "end", "type": "end"}]  # fmt: skip
        edges = [("start", "agent"), ("agent", "ask"), ("ask", "end")]
        graph = {"name": "ask", "nodes": nodes, "edges": [{"source": s, "target": t} for s, t in edges]}
        return client.run(Workflow.from_dict(graph), "hello", show=False)

    return run


def shown(view: RunView, condition: Callable[[], bool]) -> None:
    """Wait until the view shows something; it is told on the client's loop."""
    changed = threading.Event()
    for trait in ("children",):
        view.observe(lambda _change: changed.set(), trait)
    view.children[0].observe(lambda _change: changed.set(), "value")
    while not condition():
        assert changed.wait(30)
        changed.clear()


def test_a_button_answers(ask: Callable[..., Execution]) -> None:
    run = ask(prompt="<b>Ship</b> it?", options=["yes", "no"], timeout=600)
    view = run_view(run)
    assert run_view(run) is view
    (form,) = view.forms
    heading = form.children[0].value
    assert "&lt;b&gt;Ship&lt;/b&gt; it?" in heading
    deadline = run.waitpoints[0].deadline
    assert deadline is not None
    assert f"{deadline:%Y-%m-%d %H:%M} UTC" in heading
    assert [button.description for button in form.buttons] == ["yes", "no"]
    form.buttons[1].click()
    assert all(button.disabled for button in form.buttons)
    shown(view, lambda: "completed" in view.children[0].value.partition("<table>")[0])
    assert view.forms == []
    assert view.children == (view.children[0],)
    assert run["ask"].text == "no"


def test_typed_fields(ask: Callable[..., Execution]) -> None:
    run = ask(schema=SCHEMA)
    view = run_view(run)
    (form,) = view.forms
    assert list(form.inputs) == ["amount", "reason", "approved", "note", "rate", "tags"]
    kinds = {name: type(one).__name__ for name, one in form.inputs.items()}
    assert (kinds["approved"], kinds["reason"], kinds["tags"]) == ("Checkbox", "Dropdown", "Textarea")
    form.inputs["amount"].value = "many"
    form.buttons[0].click()
    assert "must be a whole number" in form.fault.value
    assert "reason" in form.fault.value or "more" in form.fault.value
    form.inputs["amount"].value = "0"
    form.inputs["reason"].value = "fair"
    form.buttons[0].click()  # the form is content, the schema is not
    while not form.fault.value:
        run.snapshot  # noqa: B018 - another call on the same loop
    assert "minimum" in form.fault.value
    assert not form.buttons[0].disabled
    form.inputs["amount"].value, form.inputs["tags"].value, form.inputs["approved"].value = "5", "a\nb", True
    form.buttons[0].click()
    shown(view, lambda: view.forms == [])
    run.wait(show=False)
    answers = [event["answer"] for event in _history(run) if event.get("ended") == "answered"]
    assert answers == [{"amount": 5, "reason": "fair", "approved": True, "tags": ["a", "b"]}], (
        "what is empty is left out"
    )


def _history(run: Execution) -> list[dict[str, Any]]:
    return run.transport.portal.wait(run.transport.history(run.id))


def test_an_answer_from_elsewhere_takes_the_form_away(ask: Callable[..., Execution]) -> None:
    run = ask(prompt="Well?")
    view = run_view(run)
    assert [type(one).__name__ for one in view.forms[0].inputs.values()] == ["Textarea"]
    run.answer("from elsewhere")
    shown(view, lambda: view.forms == [])
    view.close()


def test_only_a_kernel_shows_a_form(ask: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch) -> None:
    run = ask(prompt="Well?")
    assert VIEW_MIME not in execution_mimebundle(run)
    monkeypatch.setattr(display, "in_kernel", lambda: True)
    bundle = execution_mimebundle(run)
    assert bundle[VIEW_MIME]["model_id"] == run_view(run).model_id
    assert "Well?" in bundle["text/html"], "for where no kernel is"
    run.answer("x").wait(show=False)
    assert VIEW_MIME not in execution_mimebundle(run)


def test_a_form_alone() -> None:
    sent: list[Any] = []
    request = {"schema": {"enum": [1, "two"], "default": "two"}}
    about = {"waitpointId": "wp", "stepId": "s", "visit": 2, "deadlineAt": None, "request": request}
    form = AnswerForm(about, lambda _form, value: sent.append(value))
    assert "s #2" in form.children[0].value
    assert form.inputs["answer"].value == "two"
    form.inputs["answer"].value = "1"
    form.buttons[0].click()
    assert sent == [1]


# -- magics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["run", "$run", "ask", "{id}"])
def test_answer(
    named: str, do: Callable[[str], Any], shell: InteractiveShell, *, ask: Callable[..., Execution]
) -> None:
    run = shell.user_ns["run"] = ask(prompt="Well?")
    done = do(f'%answer {named.replace("{id}", run.id)} "yes, please"')
    assert (done.id, done.status, done["ask"].text) == (run.id, ExecutionStatus.COMPLETED, "yes, please")
    assert isinstance(failure(shell, "%answer ask again"), NotFound)
    assert isinstance(failure(shell, "%answer $run again"), NotFound)


def test_answers_may_be_json_and_name_a_step(do: Callable[[str], Any], shell: InteractiveShell, ask: Any) -> None:
    run = shell.user_ns["run"] = ask(schema=SCHEMA)
    assert isinstance(failure(shell, '%answer run \'{"amount": 0, "reason": "fair"}\''), InvalidInput)
    assert isinstance(failure(shell, "%answer run 1 --step nobody"), NotFound)
    done = do('%answer run \'{"amount": 3, "reason": "fair"}\' --step ask')
    assert done.id == run.id
    shell.user_ns["number"] = 5
    assert failure(shell, "%answer $number yes").code == "USAGE"


@pytest.mark.parametrize("line", ["", "ask", "$run", "run", "{id}", "ask --step ask"])
def test_approve_answers_the_one_question_by_its_first_option(
    line: str, do: Callable[[str], Any], shell: InteractiveShell, ask: Callable[..., Execution]
) -> None:
    run = shell.user_ns["run"] = ask(prompt="Well?", options=["fine", "no"])
    done = do(f"%approve {line.replace('{id}', run.id)}")
    assert (done.id, done.status, done["ask"].text) == (run.id, ExecutionStatus.COMPLETED, "fine")
    assert failure(shell, "%approve").code == "WAITPOINT_NOT_FOUND"


def test_approve_takes_an_answer(do: Callable[[str], Any], shell: InteractiveShell, ask: Any) -> None:
    ask(prompt="Well?")
    assert failure(shell, "%approve ask --step nobody").code == "WAITPOINT_NOT_FOUND"
    error = failure(shell, "%approve ask")
    assert (error.code, str(error)) == (
        "NO_OPTIONS",
        "Step 'ask' offers no options (Well?). Give the answer behind the run.",
    )
    assert do('%approve ask "yes, please"')["ask"].text == "yes, please"


def test_approve_lists_the_questions_where_there_are_several(
    do: Callable[[str], Any], shell: InteractiveShell, ask: Any
) -> None:
    one, other = ask(prompt="Well?", options=["fine", "no"]), ask(prompt="Well?", options=["fine", "no"])
    error = failure(shell, "%approve")
    assert isinstance(error, Conflict)
    assert error.code == "WAITPOINT_AMBIGUOUS"
    assert str(error).startswith("2 questions are open: ")
    for run in (one, other):
        assert f"{run.id} --step ask (Well?) [fine / no]" in str(error)
        assert run.status is ExecutionStatus.WAITING
    assert do(f"%approve {one.id} no")["ask"].text == "no"
    assert do("%approve").id == other.id


def test_replay(do: Callable[[str], Any], shell: InteractiveShell, ask: Callable[..., Execution]) -> None:
    run = shell.user_ns["run"] = ask(prompt="Well?")
    assert isinstance(failure(shell, "%replay run"), Conflict)
    assert isinstance(failure(shell, "%replay ask"), NotFound)
    do("%answer run yes")
    again = do("%replay run --from ask --quiet")
    assert (again.saved, again.status) == (1, ExecutionStatus.WAITING)
    assert again.snapshot["replayOf"] == run.id
    other = do("%replay ask message=bye")
    assert other["agent"].text == "About: bye"
    assert do("%runs ask")["waits_for"].tolist()[:2] == ["ask", "ask"]


def test_a_canvas_begins_with_the_last_results(ask: Callable[..., Execution], client: Client) -> None:
    run = ask(prompt="Well?").answer("yes").wait(show=False)
    version = client.workflows()["version"].tolist()
    canvas = Canvas("ask", client=client)
    assert {node: one["status"] for node, one in canvas.statuses.items()} == dict.fromkeys(
        ("start", "agent", "ask", "end"), "completed"
    )
    assert canvas.statuses["agent"]["executionId"] == run.id
    assert (canvas.texts["agent"], canvas.texts["ask"]) == ("About: hello", "yes")
    assert canvas.header == {}
    assert canvas.execution is None
    canvas.close()
    assert client.workflows()["version"].tolist() == version
