"""The billing panel and charts in a real JupyterLab: grouped, gone down into, exported, and drawn without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from gestures import until
from harness import Jupyter, Kernel, jupyter, open_notebook, run_all, write_notebook
from playwright.sync_api import expect

RUNS = """import builder_jupyter as bj
client = bj.connect()
def flow(name, *prompts):
    steps = [{"id": f"{name}-{at}", "type": "agent", "data": {"prompt": one}} for at, one in enumerate(prompts)]
    nodes = [{"id": "start", "type": "start"}, *steps, {"id": "end", "type": "end"}]
    ids = [node["id"] for node in nodes]
    edges = [{"source": a, "target": b} for a, b in zip(ids, ids[1:])]
    return bj.Workflow.from_dict({"name": name, "nodes": nodes, "edges": edges})
support, report = flow("support", "fast", "fast", "fast"), flow("report", "fast")
runs = [bj.run(support, message=f"m{at}", show=False) for at in range(3)] + [bj.run(report, message="r", show=False)]
_ = bj.budget(20)"""
PANEL = "panel = bj.BillingPanel()\npanel"
SQL = """%%focus --plot
SELECT ResourceName, -sum(x_CreditDelta) AS Credits FROM focus WHERE ChargeCategory = 'Usage' GROUP BY ALL"""
DARK = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server of its own: every sum here counts its runs alone, and its budget must stop nobody else's."""
    with jupyter(tmp_path_factory.mktemp("billing")) as running:
        yield running


def test_the_panel_is_clicked_through(page: Any, lab: Jupyter) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    write_notebook(lab.root / "billing.ipynb", RUNS, PANEL, "%load_ext builder_jupyter", SQL, "%credits")
    open_notebook(page, lab, "billing.ipynb")
    run_all(page)
    panel = page.locator(".bj-billing")
    panel.get_by_role("button", name="support").wait_for(timeout=90_000)
    page.wait_for_selector(".bj-billing .bj-chart svg")
    shot(page, lab, "panel")
    expect(panel.locator(".bj-total")).to_contain_text("10 credits")
    expect(panel).to_contain_text("Budget 20 credits a month")
    expect(panel.locator("svg")).to_contain_text("Budget 20")
    assert grave_findings(page, ".bj-billing") == []

    group = panel.get_by_label("Group by")
    group.select_option(label="Month")
    month = panel.locator(".bj-table .bj-link")
    page.wait_for_function("() => /^20\\d\\d-\\d\\d$/.test(document.querySelector('.bj-table .bj-link')?.textContent)")
    month.click()
    panel.locator(".bj-table", has_text="Execution").wait_for()
    expect(panel.locator(".bj-table .bj-link")).to_have_count(4)
    shot(page, lab, "executions")
    panel.locator(".bj-table .bj-link").first.click()
    panel.locator(".bj-table", has_text="support-2").wait_for()
    expect(panel.locator(".bj-table .bj-link")).to_have_count(0)  # a step is the end of the way
    shot(page, lab, "steps")

    panel.get_by_role("combobox", name="Export").select_option(label="JSON Lines")
    panel.get_by_role("button", name="Export").click()
    expect(panel.get_by_role("status")).to_contain_text("3 charges in billing.jsonl")
    rows = [json.loads(line) for line in (lab.root / "billing.jsonl").read_text().splitlines()]
    assert {row["x_StepId"] for row in rows} == {"support-0", "support-1", "support-2"}

    panel.get_by_role("button", name="All").click()
    panel.locator(".bj-table", has_text="Month").wait_for()
    group.select_option(label="Step")
    panel.locator(".bj-table", has_text="report-0").wait_for()
    until(page, Kernel(lab), "[panel.costs.by, panel.costs.path]", ["step", []])
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(DARK, theme)
        page.wait_for_function("is => document.body.dataset.jpThemeLight === is", arg=str("Light" in theme).lower())
        group.select_option(label="Workflow")
        panel.get_by_role("button", name="support").wait_for()
        page.wait_for_selector(".bj-billing .bj-chart svg")
        shot(page, lab, theme.split()[-1].lower())
        assert grave_findings(page, ".bj-billing") == []
    assert [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))] == [], "no network is needed"
    assert page.problems == []


def test_a_saved_notebook_shows_its_charts_without_a_kernel(page: Any, lab: Jupyter) -> None:
    write_notebook(lab.root / "charts.ipynb", RUNS, "%load_ext builder_jupyter", SQL)
    open_notebook(page, lab, "charts.ipynb")
    run_all(page)
    page.wait_for_selector(".jp-RenderedVegaLite svg", timeout=90_000)
    page.evaluate("async () => { await window.nbw.context.save(); await window.nbw.sessionContext.shutdown(); }")
    page.goto("about:blank")
    saved = json.loads((lab.root / "charts.ipynb").read_text())
    kinds = {kind for cell in saved["cells"] for out in cell["outputs"] for kind in out.get("data", {})}
    assert {"application/vnd.vegalite.v5+json", "image/png", "text/plain"} <= kinds
    page.goto(f"{lab.url}/lab/tree/charts.ipynb?reset&token={lab.token}")
    page.wait_for_selector(".jp-RenderedVegaLite svg")
    expect(page.locator(".jp-RenderedVegaLite")).to_contain_text("support")
    assert page.problems == []


def shot(page: Any, lab: Jupyter, name: str) -> None:
    """Take a picture once the chart is drawn."""
    page.wait_for_timeout(400)
    page.screenshot(path=str(lab.root.parent / f"billing-{name}.png"))
