"""The panel's views: grouped, narrowed down, drawn, written; and what runs cost, before and after."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import builder_jupyter as bj
from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import InvalidInput, NotConfigured, StepError
from builder_jupyter.nodes.chat import ChatRequest
from builder_jupyter.notebook.charts import VEGA_LITE_MIME
from builder_jupyter.notebook.costs import Costs, first_view

CREDITS = Path(__file__).parents[2] / "data" / "focus_credits.csv"
REAL = Path(__file__).parents[3] / "notebooks" / "data" / "focus_1_0_real_1000.csv.gz"


@pytest.fixture
def own() -> Costs:
    return first_view(bj.focus(CREDITS), budget=2000, budgeted="credits")


def test_the_first_view_is_of_credits_by_workflow(own: Costs) -> None:
    assert (own.by, own.measure, own.unit) == ("workflow", "credits", "credits")
    assert [(row.label, row.amount) for row in own.rows()] == [
        ("Workflow 1", 2505), ("Workflow 2", 444), ("Workflow 3", 444), ("Workflow 0", 25),
    ]  # fmt: skip
    assert sum(row.share or 0 for row in own.rows()) == pytest.approx(1)


def test_down_to_steps_and_up_again(own: Costs) -> None:
    runs = own.down(own.rows()[0])
    steps = runs.down(runs.rows()[0])
    assert [view.by for view in (own, runs, steps)] == ["workflow", "execution", "step"]
    assert sum(row.amount for row in runs.rows()) == 2505, "what does not fit is one row more"
    assert [(row.label, row.amount) for row in steps.rows()] == [("step_3", 621)]
    assert steps.down(steps.rows()[0]) is steps
    assert steps.up(1) == runs
    assert steps.up(0) == own


def test_a_budget_is_a_line_over_months_alone(own: Costs) -> None:
    def drawn(view: Costs) -> str:
        chart = view.chart()
        assert chart is not None
        return json.dumps(chart.to_dict())

    assert "Budget 2,000" in drawn(own)
    assert "Budget" not in drawn(own.down(own.rows()[0]))


def test_a_cloud_bill_leads_to_resources() -> None:
    view = first_view(bj.focus(REAL), budget=None, budgeted="effective")
    assert (view.by, view.measure, view.unit) == ("service", "effective", "USD")
    down = view.down(view.rows()[0])
    assert down.by == "resource"
    assert down.down(down.rows()[0]).by == "sku"
    assert any(row.amount < 0 for row in view.rows()[:6]), "what was taken back is not hidden among the rest"


def test_what_is_shown_is_what_is_written(own: Costs, tmp_path: Path) -> None:
    runs = own.down(own.rows()[0])
    path, charges = runs.export(tmp_path, ".csv")
    again, _ = runs.export(tmp_path, ".csv")
    assert [path.name, again.name] == ["billing.csv", "billing-2.csv"]
    back = bj.focus(path)
    assert back.sql("SELECT count(*) AS n, -sum(x_CreditDelta) AS c FROM focus").iloc[0].tolist() == [charges, 2505]
    assert "T12:00:00Z" in path.read_text()
    windowed = Costs(own.data, "workflow", "credits", first=date(2026, 1, 5), last=date(2026, 1, 5))
    assert windowed.export(tmp_path, ".jsonl")[0].name == "billing-2026-01-05-2026-01-05.jsonl"
    assert sum(row.amount for row in windowed.rows()) == 780, (
        "the last day counts; what was refunded later is of that day"
    )


def test_odd_tags_are_keys_and_not_code() -> None:
    data = bj.focus(CREDITS)
    assert data.breakdown("tag:builder/trigger", measure="credits")["Amount"].sum() == 3418
    assert data.breakdown("tag:\"' OR 1=1 --", measure="credits")["Amount"].tolist() == [3418]
    assert data.breakdown("month", where={"service": "'; DROP TABLE focus; --"})["Amount"].tolist() == []
    with pytest.raises(InvalidInput) as caught:
        data.breakdown("colour")
    assert caught.value.code == "UNKNOWN_DIMENSION"


def test_the_panel_follows_its_controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    panel = bj.BillingPanel(bj.focus(CREDITS))
    panel.group.value = "month"
    assert panel.costs.by == "month"
    panel.table.children[4].click()
    assert panel.costs.path == (("month", "2026-01"),)
    panel.first.value = date(2027, 1, 1)
    assert "No charges" in panel.table.children[0].value
    panel.first.value = None
    panel.kind.value = ".parquet"
    panel.out.click()
    assert "billing.parquet" in panel.said.value
    (shown,) = panel.picture.outputs
    assert VEGA_LITE_MIME in shown["data"]
    assert "image/png" in panel._repr_mimebundle_()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(NotConfigured) as caught:
        bj.BillingPanel(bj.focus(CREDITS))
    assert "builder_jupyter[charts]" in str(caught.value)


@pytest.fixture
def client() -> Iterator[Client]:
    asked: list[str] = []

    def answer(request: ChatRequest) -> str | StepError:
        asked.append("x")
        return StepError("Later.", code="BUSY", retryable=True) if len(asked) == 1 else "Yes."

    with Client(open_embedded(models=ScriptedModels(ScriptedModel(answer)))) as client:
        yield client


def test_what_a_run_costs_before_and_after(client: Client) -> None:
    flow = bj.workflow("costly")
    flow.start >> flow.agent("first", prompt="x") >> flow.agent("second", prompt="y") >> flow.end()
    workflow = flow.build()
    estimate = client.estimate(workflow)
    assert len(client.workflows()) == 0, "nothing is saved"
    assert (estimate.credits, estimate.may_repeat) == (2, False)
    assert dict(zip(estimate.steps["step"], estimate.steps["credits"], strict=True)) == {
        "start": 0, "first": 1, "second": 1, "end": 0,
    }  # fmt: skip
    assert client.estimate(workflow, target="first").credits == 1
    run = client.run(workflow, show=False)
    cost = run.cost.set_index("step")
    assert cost["credits"].to_dict() == {"start": 0, "first": 1, "second": 1, "end": 0}
    assert cost.loc["first", ["failed_attempts", "failed_calls", "calls"]].tolist() == [1, 1, 1]
    again = run.replay("second").wait(show=False).cost.set_index("step")
    assert again.loc["first", ["credits", "saved"]].tolist() == [0, 1]
    assert again.loc["second", ["credits", "saved"]].tolist() == [1, 0]


def test_charges_have_the_tags_of_their_workflow(client: Client) -> None:
    for name, tags in (("a", ["team:support", "urgent"]), ("b", ["team:sales"]), ("c", [])):
        flow = bj.workflow(name)
        flow.start >> flow.agent("first", prompt="x") >> flow.end()
        client.run(replace(flow.build(), metadata={"tags": tags}), show=False)
    charges = bj.billing(client=client)
    spent = charges.by_tag("team").set_index("Value")["Charges"].to_dict()
    assert {"support": 1, "sales": 1}.items() <= spent.items()
    (tags_of_a,) = charges.sql("SELECT Tags FROM focus WHERE Tags->>'team' = 'support'")["Tags"]
    assert json.loads(tags_of_a) == {
        "builder/node-type": "agent", "builder/trigger": "manual", "team": "support", "urgent": True,
    }  # fmt: skip
