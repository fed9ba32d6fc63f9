"""Functions as nodes: where their arguments come from, and what becomes of them in a run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

import pandas as pd
import pytest
from pydantic import BaseModel, Field

import builder_jupyter as bj
from builder_jupyter.client.client import Client
from builder_jupyter.client.function_nodes import FunctionNode
from builder_jupyter.errors import InvalidInput, StepError


class Order(BaseModel):
    article: str
    day: dt.date


@dataclass
class Bill:
    article: str
    total: float


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The variables among which the nodes run: those of the script, where there is no notebook."""
    variables: dict[str, Any] = {}
    monkeypatch.setattr("builder_jupyter.client.steps._user_namespace", lambda: variables)
    return variables


def test_the_function_can_be_called_as_before() -> None:
    @bj.node
    def double(n: int) -> int:
        """Double a number."""
        return 2 * n

    assert double(4) == 8
    assert double("a") == "aa"  # type: ignore[arg-type]
    assert (double.__name__, double.__doc__, repr(double)) == ("double", "Double a number.", "<node double(n)>")


def test_where_arguments_come_from() -> None:
    @bj.node
    def told(a: Any, b: Any = "default", *, state: Any = None, c: Any = 0) -> Any:
        return a, b, c, state

    state = {"a": "input", "c": "input", "results": {"a": "result"}}
    assert told.run(state) == ["result", "default", "input", state]
    assert told.run(state, a="given", b=1)[:2] == ["given", 1]
    assert told.run({"a": None})[0] is None


def test_annotations_are_checked_and_json_is_read_into_them() -> None:
    @bj.node
    def bill(order: Order, amount: Annotated[int, Field(ge=1)], prices: pd.DataFrame, more: list[pd.DataFrame]) -> Bill:
        assert isinstance(order.day, dt.date)
        return Bill(order.article, float(prices.price[0] * amount) + len(more))

    prices = pd.DataFrame({"price": [1.5]})
    state = {"order": {"article": "pen", "day": "2026-01-31"}, "amount": "2", "results": {"prices": prices, "more": []}}
    assert bill.run(state) == {"article": "pen", "total": 3.0}
    with pytest.raises(StepError) as caught:
        bill.run({"order": {"article": "s3cret", "day": "x"}, "amount": 0, "prices": [1]}, color="red")
    assert caught.value.code == "NODE_ARGUMENTS"
    said = str(caught.value)
    for words in ("'bill'", "color is not a parameter", "order.day: ", "amount: ", "prices: ", "more is neither"):
        assert words in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("lambda n: n", "'<lambda>' cannot be a node: it has no name"),
        ("len", "the parameter 'obj' cannot be given by name"),
        ("print", "the parameter 'args' cannot be given by name"),
        ("function('n: Nowhere')", "its annotations cannot be read"),
        ("5", "'5' cannot be a node: it has no name"),
    ],
)
def test_what_cannot_be_a_node(source: str, words: str) -> None:
    def function(parameters: str) -> Any:
        names: dict[str, Any] = {}
        exec(f"from __future__ import annotations\ndef f({parameters}): pass", names)
        return names["f"]

    with pytest.raises(InvalidInput) as caught:
        FunctionNode(eval(source, {"function": function}))
    assert caught.value.code == "INVALID_NODE"
    assert words in str(caught.value)


def test_in_a_run(client: Client, notebook: dict[str, Any]) -> None:
    @bj.node
    def rows(least: int) -> pd.DataFrame:
        return pd.DataFrame({"n": [n for n in range(5) if n >= least]})

    @bj.node
    async def total(rows: pd.DataFrame, rate: float = 1.0) -> float:
        return rate * float(rows.n.sum())

    notebook |= {"rows": rows, "total": total}
    flow = bj.workflow("totals")
    end = flow.end(output="state.results.total")
    flow.start >> flow.python("rows", rows) >> flow.python("total", total, timeout=30) >> end
    wf = flow.build()
    assert [wf.node(one).data["code"] for one in ("rows", "total")] == ["rows.run(state)", "await total.run(state)"]
    assert client.run(wf, least="3", rate=2, show=False).output == 14
    failed = client.run(wf, least="many", show=False)
    assert (failed["rows"].error or {})["code"] == "NODE_ARGUMENTS"


def test_after_a_restart_the_call_is_there_and_the_function_is_not(client: Client, notebook: dict[str, Any]) -> None:
    @bj.node
    def gone() -> int:
        return 1

    flow = bj.workflow("restarted")
    flow.start >> flow.python("gone", gone) >> flow.end()
    wf = bj.Workflow.from_dict(flow.build().to_dict())
    assert (client.run(wf, show=False)["gone"].error or {})[
        "message"
    ] == "NameError: name 'gone' is not defined (line 1)"
    notebook["gone"] = gone
    assert client.run(wf, show=False)["gone"].result == 1
