"""In a real JupyterLab: a dataframe goes in, a person answers, a step fails, and a replay from there ends it."""

from __future__ import annotations

from typing import Any

from gestures import until
from harness import Jupyter, Kernel, open_notebook, run_all, write_notebook

RUN = """import builder_jupyter as bj, pandas as pd
tickets = pd.DataFrame({"topic": ["refund", "login", "refund"], "age": [1, 5, 9]})
wf = bj.Workflow.from_dict({"name": "weekly report", "nodes": [
    {"id": "start", "type": "start"},
    {"id": "refunds", "type": "python", "data": {"code": "tickets[tickets.topic == 'refund']"}},
    {"id": "draft", "type": "agent", "data": {"prompt": "fast"}},
    {"id": "ask", "type": "human", "data": {"prompt": "Send it?", "options": ["yes", "no"]}},
    {"id": "report", "type": "python", "data": {"code": "state['results']['refunds'].head(rows)"}},
    {"id": "end", "type": "end"}], "edges": [
    {"source": a, "target": b} for a, b in zip(
        ["start", "refunds", "draft", "ask", "report"], ["refunds", "draft", "ask", "report", "end"])]})
run = bj.run(wf, message="How was the week?")
run"""
AGAIN = "rows = 1\nagain = run.replay(from_step='report')\nagain.wait()"
SHOWN = "done => [...document.querySelectorAll('.jp-OutputArea-output')].some(e => e.textContent.includes(done))"


def test_a_failed_run_is_replayed_from_the_step_that_failed(page: Any, lab: Jupyter) -> None:
    write_notebook(lab.root / "failed.ipynb", RUN)
    open_notebook(page, lab, "failed.ipynb")
    run_all(page)
    button = page.locator(".jp-OutputArea button", has_text="yes")
    button.wait_for()
    button.click()
    page.wait_for_function(SHOWN, arg="name 'rows' is not defined")
    page.screenshot(path=str(lab.root.parent / "failed.png"))
    kernel = Kernel(lab)
    until(page, kernel, "[run.status, run.error['stepId'], run.error['code']]", ["error", "report", "PYTHON_ERROR"])
    kernel.run(AGAIN)
    assert kernel.value("[again.status, again['report'].result.age.tolist()]") == ["completed", [1]]
    steps = "{step['stepId']: step['reused'] for step in again.snapshot['steps']}"
    assert kernel.value(steps) == {
        "start": True, "refunds": True, "draft": True, "ask": True, "report": False, "end": False,
    }  # fmt: skip
    assert kernel.value("int(again.saved)") == 1
    assert kernel.value("bj.diff(run, again).shape[0]") == 6
    assert page.problems == []
