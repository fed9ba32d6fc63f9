"""Python nodes without a server: the process itself is the kernel."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.execution.status import ExecutionStatus

HANG_SECONDS = 60


def py(name: str, code: str) -> dict[str, Any]:
    return {"id": name, "type": "python", "data": {"code": code}}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set variables of the script that runs."""

    def put(**given: Any) -> None:
        for name, value in given.items():
            monkeypatch.setattr(sys.modules["__main__"], name, value, raising=False)

    return put


def test_a_dataframe_of_the_script_goes_through_the_graph_and_back(
    client: Client, chain: Any, variables: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    variables(sales=pd.DataFrame({"n": [1, 2, 3]}))
    workflow = chain(
        py("big", "print('hi')\nsales[sales.n > state['least']]"), py("sum", "state['results']['big'].n.sum()")
    )
    run = client.run(workflow, least=1, show=False)
    assert run.status is ExecutionStatus.COMPLETED, run.error
    assert run["big"].result.n.tolist() == [2, 3]
    assert run["big"].raw["rows"] == 2
    assert run["big"].text.startswith("2 rows: n")
    assert (run["sum"].result, run["sum"].text) == (5, "5")
    capsys.readouterr()
    run["big"].display()
    assert capsys.readouterr().out.startswith("hi\n")


def test_the_state_is_that_of_templates(client: Client, chain: Any) -> None:
    tool = {"tool_name": "calculator", "arguments": {"expression": "{{state.results.a.answer}} + 1"}}
    workflow = chain(
        py("a", "{'answer': 42}"),
        {"id": "t", "type": "tool", "data": tool},
        py("b", "[state['results']['t'], state['messages'][-1]['content'], state['q']]"),
    )
    assert client.run(workflow, q="?", show=False)["b"].result == [43, "43", "?"]


def test_an_exception(client: Client, chain: Any) -> None:
    run = client.run(chain(py("p", "print('before')\n1 / 0")), show=False)
    assert run.error == {
        "message": "ZeroDivisionError: division by zero (line 2)", "code": "PYTHON_ERROR", "retryable": False,
        "stepId": "p",
    }  # fmt: skip
    assert "display" not in (run["p"].error or {})
    assert [list(bundle) for bundle in run["p"].shown] == [["application/vnd.jupyter.stdout"], ["text/plain"]]
    assert all("display" not in (event["error"] or {}) for event in client.transport.portal.wait(
        client.transport.history(run.id)) if event.get("error"))  # fmt: skip


def test_cancelling_stops_an_endless_loop(client: Client, chain: Any) -> None:
    import threading

    main = sys.modules["__main__"]
    begun = main.begun = threading.Event()  # type: ignore[attr-defined]
    try:
        run = client.start(chain(py("p", "begun.set()\nwhile True:\n    pass")))
        assert begun.wait(HANG_SECONDS)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "builder-step-p"]
        assert run.cancel().status is ExecutionStatus.CANCELLED
        thread.join(HANG_SECONDS)
        assert not thread.is_alive()
    finally:
        del main.begun  # type: ignore[attr-defined]


def test_attaching_changes_nothing_here(client: Client) -> None:
    client.attach()
    client.attach(everything=True)
    client.detach()
