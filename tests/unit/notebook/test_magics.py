from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from shell_kit import PLAIN, failure

import builder_jupyter
from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.client.execution import Execution
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import (
    InvalidInput,
    NotConfigured,
    NotFound,
    StepError,
    Unavailable,
    Unprocessable,
)
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.graph.model import Position, Workflow
from builder_jupyter.nodes.chat import ChatRequest
from builder_jupyter.notebook.completion import complete, input_names

DOCS = Path(__file__).parents[3] / "docs" / "notebook.md"
HELLO = """\
start
agent greeter "Greeter"
    prompt: Greet {{state.visitor}} who says {{state.message}}.
end

start -> greeter -> end
"""


def answer(request: ChatRequest) -> str | StepError:
    said = request.messages[-1].content
    if said.startswith("refuse"):
        return StepError("The provider refused.", code="REFUSED")
    return f"About: {said}"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    script = ScriptedModel(answer)
    with Client(open_embedded(models=ScriptedModels(script))) as client:
        for module in ("magics.workflows", "magics.runs", "completion"):
            monkeypatch.setattr(f"builder_jupyter.notebook.{module}.default_client", lambda: client)
        yield client


@pytest.fixture
def hello(do: Callable[[str], Any]) -> Workflow:
    made = do(f"%%workflow hello\n{HELLO}")
    assert isinstance(made, Workflow)
    return made


def test_a_cell_makes_a_saved_workflow(client: Client, hello: Workflow) -> None:
    assert hello.id
    assert hello == client.workflow("hello")
    assert hello.node("greeter").label == "Greeter"


def test_a_cell_run_again_leaves_the_nodes_where_they_are(
    do: Callable[[str], Any], client: Client, hello: Workflow
) -> None:
    client.save(hello.with_nodes(replace(node, position=Position(7, i)) for i, node in enumerate(hello.nodes)))
    cell = f"%%workflow hello\nagent new\n    prompt: x\n{HELLO}start -> new -> end\n"
    again = do(cell)
    assert [node.position for node in again.nodes] == [None, Position(7, 0), Position(7, 1), Position(7, 2)]
    version = client.workflows()["version"].tolist()
    do(cell)
    assert client.workflows()["version"].tolist() == version


def test_a_cell_may_be_json_and_assign_a_variable(do: Callable[[str], Any], client: Client, hello: Workflow) -> None:
    made = do(f'%%workflow "My flow" --as flow --message first\n{json.dumps(hello.to_dict())}')
    assert do("flow") is made
    assert made.name == "My flow"
    assert client.workflow("My flow").nodes == hello.nodes


def test_a_cell_that_is_not_saved_is_judged_all_the_same(
    do: Callable[[str], Any], shell: InteractiveShell, client: Client
) -> None:
    assert do(f"%%workflow hello --no-save\n{HELLO}").id is None
    assert isinstance(failure(shell, "%%workflow broken --no-save\nagent a"), Unprocessable)
    assert isinstance(failure(shell, "%%workflow broken\nagent a"), Unprocessable)
    assert client.workflows().empty


CODE = """\
open("ran", "w")
def answer(state): return {"messages": [llm.invoke([SystemMessage("Answer."), *state["messages"]])]}
graph = StateGraph(State).add_node("answer", answer).add_edge(START, "answer").add_edge("answer", "ghost")
"""


def test_a_cell_may_be_langgraph_code_which_is_not_run(
    do: Callable[[str], Any], client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    made = do(f"%%workflow imported --from-code\n{CODE}")
    assert client.workflow("imported") == made
    assert made.node("answer").data["prompt"] == "Answer."
    assert "line 4: ghost: The graph has no node of this name" in capsys.readouterr().out
    assert not (tmp_path / "ran").exists()


def test_code_that_is_no_python_names_the_line_of_the_cell(do: Callable[[str], Any], shell: InteractiveShell) -> None:
    error = failure(shell, "%%workflow broken --from-code\nx = 1\ndef :")
    assert isinstance(error, InvalidInput)
    assert "line 3" in str(error)


def test_a_line_shows_a_saved_workflow(do: Callable[[str], Any], hello: Workflow) -> None:
    assert do("%workflow hello") == hello
    do("name = 'hello'")
    assert do("%workflow $name") == hello


def test_a_run_has_inputs_of_all_kinds(do: Callable[[str], Any], hello: Workflow) -> None:
    assert hello
    do("tickets = [{'id': 1}]; who = 'Ada'")
    run = do(
        """%run_workflow hello message="It's late" a=1 b='{"x": [1, 2]}' c=$tickets d={who} --quiet e=1=2 f="5" g="""
    )
    assert isinstance(run, Execution)
    assert run.status is ExecutionStatus.COMPLETED
    assert run.snapshot["inputs"] == {
        "message": "It's late",
        "a": 1,
        "b": {"x": [1, 2]},
        "c": [{"id": 1}],
        "d": "Ada",
        "e": "1=2",
        "f": "5",
        "g": "",
    }


def test_a_run_is_a_value_and_takes_a_workflow_that_is_one(do: Callable[[str], Any], hello: Workflow) -> None:
    assert hello
    do(f"%%workflow other --no-save --as flow\n{HELLO}")
    do("run = %run_workflow $flow message=hi --trigger start --quiet")
    assert do("run.text") == "About: hi"
    assert do("%run_workflow hello message=hi").text == "About: hi"


def test_a_run_that_fails_is_an_error_and_can_be_read_afterwards(
    do: Callable[[str], Any], shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    do("%%workflow asks\nstart\nagent a\n    prompt: Answer.\nend\nstart -> a -> end")
    capsys.readouterr()
    error = failure(shell, "run = %run_workflow asks message='refuse, please' --quiet")
    assert isinstance(error, StepError)
    shown = capsys.readouterr().out.strip()
    assert len(shown.splitlines()) == 1
    assert shown.endswith("See _run['a'].")
    assert "The provider refused." in shown
    assert do("_run.status") is ExecutionStatus.ERROR
    assert do("_run['a'].error")["message"] == "The provider refused."
    assert error.details == {"executionId": do("_run").id, "stepId": "a"}


def test_lists(do: Callable[[str], Any], hello: Workflow) -> None:
    for _ in range(2):
        do("%run_workflow hello message=hi --quiet")
    assert do("%workflows")["id"].tolist() == [hello.id]
    assert len(do("%runs")) == len(do("%runs hello")) == 2
    assert len(do("%runs --limit 1 hello")) == 1
    do("%workflow hello --as flow")
    assert len(do("%runs $flow")) == 2
    assert do("%versions hello")["version"].tolist() == do("%versions $flow")["version"].tolist() == [1]
    assert do("flow.rollback(1).diff(1)").is_empty
    assert do(f"%versions {hello.id}")["message"].tolist() == ["Rolled back to version 1", "Initial version"]


def test_a_cell_of_sql_is_asked_of_the_runs(do: Callable[[str], Any], hello: Workflow) -> None:
    assert hello
    for word in ("one", "two"):
        do(f"%run_workflow hello message={word} --quiet")
    sql = "select text from steps where type = 'agent' order by text"
    assert do(f"%%runs hello\n{sql}")["text"].tolist() == ["About: one", "About: two"]
    assert do(f"%%runs --to polars\n{sql}").height == 2
    assert len(do(f"%%runs hello --limit 1\n{sql}")) == 1


def test_two_runs_are_compared(do: Callable[[str], Any], hello: Workflow) -> None:
    assert hello
    do("one = %run_workflow hello message=one --quiet")
    do("two = %run_workflow hello message=two --quiet")
    found = do("%diff one two").set_index("step")
    assert found.loc["greeter", ["change", "output_a", "output_b"]].tolist() == ["changed", "About: one", "About: two"]
    assert do("%diff $one hello").equals(do("%diff one two"))


def test_a_step_may_have_said_something_else(do: Callable[[str], Any]) -> None:
    do("%%workflow two\nstart\nagent a\n    prompt: A\nagent b\n    prompt: B\nend\nstart -> a -> b -> end")
    do("run = %run_workflow two message=hi --quiet")
    assert do("run['b'].text") == "About: About: hi"
    assert do('%replay run --edit a="Well, then" --quiet')["b"].text == "About: Well, then"
    do("said = 'by a variable'")
    assert do("%replay run --quiet --edit a=$said --from b")["b"].text == "About: by a variable"


def test_a_canvas_is_made_of_the_workflow(
    do: Callable[[str], Any], shell: InteractiveShell, hello: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "builder_jupyter.notebook.widgets.canvas"
    monkeypatch.setitem(sys.modules, name, None)
    assert isinstance(failure(shell, "%canvas hello"), NotConfigured)
    module = ModuleType(name)
    module.Canvas = lambda workflow: ["canvas", workflow]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "builder_jupyter.notebook.widgets", ModuleType("builder_jupyter.notebook.widgets"))
    monkeypatch.setitem(sys.modules, name, module)
    assert do("%canvas hello") == ["canvas", hello]
    do("flow = %workflow hello")
    assert do("%canvas $flow") == ["canvas", hello]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("%run_workflow", InvalidInput, "required: workflow. Usage: %run_workflow [--trigger NODE]"),
        ("%run_workflow hello Message", InvalidInput, "An input is written key=value, not Message."),
        ("%run_workflow hello =1", InvalidInput, "An input is written key=value"),
        ("%run_workflow hello a=1 --bogus", InvalidInput, "Unrecognized arguments: --bogus"),
        ("%run_workflow hello message=don't", InvalidInput, "The quotation has no end: '"),
        ("%run_workflow hello a=$nothing", InvalidInput, "There is no variable 'nothing'."),
        ("%run_workflow hello a=$In --trigger x", NotFound, "x"),
        ("%run_workflow $In", InvalidInput, "neither a workflow nor the name of one"),
        ("%run_workflow nothing", NotFound, "'nothing'"),
        (
            "%runs --limit X",
            InvalidInput,
            "invalid int value: 'X'. Usage: %runs [--limit N] [--to {pandas,polars,arrow}] [workflow]",
        ),
        ("%workflows all", InvalidInput, "Unrecognized arguments: all"),
        ("%workflow", InvalidInput, "required: name"),
        ("%workflow nothing", NotFound, "'nothing'"),
        ("%canvas", InvalidInput, "required: workflow"),
        ("%runs --limit", InvalidInput, "expected one argument. Usage: %runs"),
        ("%canvas a b", InvalidInput, "Unrecognized arguments: b"),
        ("%validate", InvalidInput, "required: workflow. Usage: %validate workflow"),
        ("%validate nothing", NotFound, "'nothing'"),
        ("%diff hello", InvalidInput, "required: run_b. Usage: %diff run_a run_b"),
        ("%diff hello hello", NotFound, "No run of 'hello' is over."),
        ("%approve", NotFound, "Nothing waits for an answer. See: %runs"),
        ("%approve hello", NotFound, "No run of 'hello' waits for an answer."),
        ("%approve a b c", InvalidInput, "Unrecognized arguments: c"),
        ("%%runs", InvalidInput, "One query is taken, and nothing that changes anything."),
        ("%%runs\nselect * from nowhere", InvalidInput, "nowhere"),
        ("%%runs --to json\nselect 1", InvalidInput, "invalid choice: 'json'"),
        ("%%runs nothing\nselect 1", NotFound, "'nothing'"),
        ("%%workflow", InvalidInput, "required: name"),
        ("%%workflow x", InvalidInput, "The cell does not say what x is. Describe it below"),
        ("%%workflow x\n\n", InvalidInput, "The cell does not say what x is."),
        ("%%workflow x --bogus", InvalidInput, "Unrecognized arguments: --bogus"),
        ("%%workflow x --as 1x\nstart", InvalidInput, "'1x'"),
        ("%%workflow x\nstart\nagent", InvalidInput, "line 3 needs an id behind the type"),
        ("%%workflow x\n{", InvalidInput, "This is not a JSON document"),
    ],
)
def test_errors_are_one_line(
    shell: InteractiveShell, hello: Workflow, capsys: pytest.CaptureFixture[str], code: str, kind: type, words: str
) -> None:
    assert hello
    capsys.readouterr()
    error = failure(shell, code)
    shown = capsys.readouterr()
    assert type(error) is kind
    assert words in shown.out
    assert len(shown.out.strip().splitlines()) == 1
    assert not shown.err


BROKEN = """\
start
tool look
    tool_name: calclator
agent greeter
    prompt: Greet.

start -> look
"""


@pytest.mark.parametrize("options", ["", " --no-save"])
def test_an_invalid_workflow_is_refused_with_its_findings_and_fixes(
    shell: InteractiveShell, client: Client, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    refused = "Unprocessable [VALIDATION_FAILED]:"
    error = failure(shell, f"%%workflow broken{options}\n{BROKEN}")
    assert isinstance(error, Unprocessable)
    assert capsys.readouterr().out.strip().splitlines() == [
        f"{refused} Workflow validation failed: Workflow must have at least one End node (and 1 more)",
        "error: Workflow must have at least one End node [MISSING_END_NODE]",
        "  fix: Add an end node after 'look'",
        "error: Node 'greeter' is not connected to the workflow [ORPHAN_NODE]",
        "  fix: Connect 'start' to 'greeter'",
        "warning: Node 'look' has no outgoing edge, so its branch stops there [DEAD_END]",
        "warning: Tool 'look' names the unknown tool 'calclator' [UNKNOWN_TOOL]",
        "  fix: Use the tool 'calculator' instead",
    ]
    assert client.workflows().empty


def test_what_is_doubtful_is_shown_and_saved(
    do: Callable[[str], Any], client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    made = do(f"%%workflow doubtful\n{BROKEN}end\nlook -> greeter -> end")
    assert capsys.readouterr().out.strip().splitlines()[:-1] == [
        "warning: Tool 'look' names the unknown tool 'calclator' [UNKNOWN_TOOL]",
        "  fix: Use the tool 'calculator' instead",
    ]
    assert client.workflow("doubtful") == made


def test_validate_lists_findings_and_their_fixes(
    do: Callable[[str], Any], shell: InteractiveShell, client: Client, hello: Workflow
) -> None:
    assert hello
    assert do("%validate hello").empty
    shell.user_ns["flow"] = parse_plain(BROKEN, name="broken")
    found = do("%validate $flow")
    assert found.columns.tolist() == ["severity", "type", "node", "edge", "message", "fix"]
    assert found["severity"].tolist() == ["error", "error", "warning", "warning"]
    assert found.loc[1, ["type", "node", "fix"]].tolist() == ["ORPHAN_NODE", "greeter", "Connect 'start' to 'greeter'"]
    workflow = shell.user_ns["flow"]
    for _ in range(4):
        verdict = client.validate(workflow)
        fix = next(f["fixes"][0] for f in (*verdict["errors"], *verdict["warnings"]) if f["fixes"])
        workflow = workflow.edited(fix["changes"])
        if client.validate(workflow) == {"valid": True, "errors": [], "warnings": []}:
            break
    assert client.validate(workflow) == {"valid": True, "errors": [], "warnings": []}


@pytest.mark.filterwarnings("ignore::IPython.core.completer.ProvisionalCompleterWarning")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%run_workflow he", ["hello"]),
        ("run = %run_workflow he", ["hello"]),
        ("%%workflow ", ['"My \\"flow\\""', "hello"]),
        ('%canvas "My', ['My \\"flow\\""']),
        ("%runs h", ["hello"]),
        ("%validate h", ["hello"]),
        ("%runs hello --l", ["--limit"]),
        ("%%runs --t", ["--to"]),
        ("%approve h", ["hello"]),
        ("%diff h", ["hello"]),
        ("%replay hello --e", ["--edit"]),
        ("%run_workflow hello ", ["message=", "visitor="]),
        ("%run_workflow hello message='a b' v", ["visitor="]),
        ('%run_workflow "My \\"flow\\"" m', ["message="]),
        ("%run_workflow hello --trigger gr", ["greeter"]),
        ("%run_workflow $flow vis", ["visitor="]),
        ("%run_workflow nothing m", []),
        ("%workflow hello x", []),
    ],
)
def test_completion(
    shell: InteractiveShell, do: Callable[[str], Any], hello: Workflow, line: str, expected: list[str]
) -> None:
    shell.user_ns["flow"] = hello
    do(f'%%workflow "My \\"flow\\""\n{HELLO}')
    shell.Completer.use_jedi = False
    offered = [offer.text for offer in shell.Completer.completions(line, len(line))]
    ours = [text for text in offered if not text.startswith("%")] if expected else []
    assert sorted(ours) == sorted(expected)


def test_completion_is_silent_when_nothing_answers(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Client:
        raise Unavailable("Gone.")

    monkeypatch.setattr("builder_jupyter.notebook.completion.default_client", refuse)
    event = SimpleNamespace(text_until_cursor="%run_workflow he", symbol="he")
    assert complete(shell, event) == []
    event.text_until_cursor = "print(he"
    assert complete(shell, event) == []


def test_inputs_of_a_canvas() -> None:
    nodes = [{"clientId": "t", "type": "prompt-trigger", "data": {"inputKey": "topic"}}]
    canvas = Workflow.from_dict({"dialect": "direct", "name": "c", "nodes": nodes, "edges": []})
    assert input_names(canvas) == ["topic"]


def test_using_the_package_brings_the_display_but_no_magics(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = InteractiveShell.instance(config=PLAIN)
    try:
        monkeypatch.delitem(vars(builder_jupyter), "Workflow", raising=False)
        flow = builder_jupyter.Workflow.from_dict({"name": "w", "nodes": [], "edges": []})
        assert "image/svg+xml" in shell.display_formatter.format(flow)[0]
        assert "run_workflow" not in shell.magics_manager.magics["line"]
        assert shell.run_cell("%load_ext builder_jupyter").success
        assert "run_workflow" in shell.magics_manager.magics["line"]
    finally:
        InteractiveShell.clear_instance()


def test_the_documentation_runs(do: Callable[[str], Any]) -> None:
    blocks = re.findall(r"```text\n(%.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    workflow, run, report = map(do, blocks)
    assert len(workflow.edges) == 10
    assert run.status is ExecutionStatus.COMPLETED
    assert run["billing"].text
    assert len(report.edges) == 3
    do("import pandas as pd\nsales = pd.DataFrame({'day': [1, 2, 3], 'amount': [5, 6, 7]})")
    assert do("%run_workflow report since=2").output == 13


def test_nbval_fails_the_cells_whose_magic_fails(tmp_path: Path) -> None:
    sources = [
        "%load_ext builder_jupyter",
        "%run_workflow hello",
        "%run_workflow",
        "%%workflow x\nagnet a",
        "%%workflow x",
        "%workflows --bogus",
        "%%workflow failing\nstart\ntool t\n    tool_name: calculator\n    arguments: {}\nend\nstart -> t -> end",
        "%run_workflow failing",
        "assert _run.status == 'error'",
        "%workflows",
    ]
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"c{i}", "metadata": {}, "outputs": [], "source": source}
        for i, source in enumerate(sources)
    ]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    document = {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "magics.ipynb").write_text(json.dumps(document), encoding="utf-8")
    elsewhere = ("BUILDER_JUPYTER_URL", "BUILDER_JUPYTER_KEY", "JPY_PARENT_PID")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", "magics.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "6 failed, 4 passed" in done.stdout, done.stdout + done.stderr
