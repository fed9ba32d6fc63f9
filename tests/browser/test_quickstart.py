"""The product as anybody starts it, with a token, the XSRF check and the local model: the quickstart, Run, Cancel."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import GROWING, WORKFLOW, start, wait_for_state
from gestures import until
from harness import Jupyter, Kernel, click_node, jupyter, open_notebook, run_all, shows, wait_for_canvas

Show = Callable[..., Any]
TOKEN = "only-for-this-test"
MODEL_MS = 120_000
FAILED = """() => window.nbw.content.widgets.flatMap(cell => cell.model.type !== 'code' ? [] :
  cell.model.sharedModel.getOutputs().filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue))"""
RUN_CELLS = """() => window.nbw.content.widgets.filter(cell => cell.model.type === 'code')
  .map(cell => cell.model.executionCount)"""


@pytest.fixture(scope="module", params=["lab", "notebook"])
def genuine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with jupyter(tmp_path_factory.mktemp(request.param), request.param, token=TOKEN) as running:
        shutil.copytree(WORKFLOW.parents[1], running.root, dirs_exist_ok=True)
        yield running


def test_the_quickstart_runs_from_top_to_bottom(genuine: Jupyter, page: Any) -> None:
    open_notebook(page, genuine, "quickstart.ipynb")
    run_all(page)
    page.wait_for_function(f"() => {{ const counts = ({RUN_CELLS})(); return counts.every(Boolean) ||"
                           f" ({FAILED})().length > 0; }}", timeout=2 * MODEL_MS)  # fmt: skip
    assert page.evaluate(FAILED) == []
    counts = page.evaluate(RUN_CELLS)
    assert counts == list(range(1, len(counts) + 1))
    kernel = Kernel(genuine)
    assert kernel.value("client.transport.where").startswith(genuine.url)
    assert kernel.value("charge.status") == kernel.value("answer.json()['status']") == "completed"
    assert kernel.value("charge['billing'].usage['outputTokens']") > 0
    assert kernel.value("sorted_run['trouble'].status") == "completed"
    assert kernel.value("len(runs)") >= 3
    wait_for_canvas(page)
    page.wait_for_function("() => STATUS('technical') === 'completed'")  # the newest run of that workflow
    assert page.problems == []


def test_the_local_model_is_seen_writing(genuine: Jupyter, show: Show) -> None:
    page = show(genuine)
    kernel = Kernel(genuine)
    more = "{'op': 'set_data', 'node_id': 'billing', 'field': 'max_tokens', 'value': 240}"
    kernel.run(f"canvas.edit('Say more', [{more}])")  # so that there is something left when one looks
    page.wait_for_function("() => CANVAS().doc.undoes === 'Say more'")
    page.evaluate(GROWING, "billing")
    start(page, "I was charged twice for one invoice. Please explain in detail how that could happen.")
    click_node(page, "billing")
    wait_for_state(page, "completed", timeout=MODEL_MS)
    grew = page.evaluate("() => GREW")
    assert len(grew) >= 3
    assert grew == sorted(grew)
    shows(page, "STATUSES.slice(-2)", ["streaming", "completed"])  # how long it was running is the model's affair
    page.wait_for_function("() => STATUS('billing') === 'completed'")
    until(page, kernel, "canvas.execution.status", "completed")
    said = kernel.value("canvas.execution['billing'].text")
    assert len(said) >= grew[-1] > 0
    shows(page, "document.querySelector('.jp-bj-details .jp-bj-text').textContent", said)
    assert kernel.value("canvas.execution['billing'].usage['model']") != "scripted"
    assert page.problems == []


def test_run_cancel_and_side_bar_work_with_token_and_xsrf_check(genuine: Jupyter, show: Show) -> None:
    page = show(genuine)
    refused = page.evaluate("""async () => { const { baseUrl } = window.jupyterapp.serviceManager.serverSettings;
      const ask = (init) => fetch(baseUrl + 'api/builder/workflows', init).then(answer => answer.status);
      return [await ask({ credentials: 'omit' }), await ask({ method: 'POST', body: '{}' })]; }""")
    assert refused == [401, 403]  # no token; a cookie, but no XSRF header
    start(page, "Tell me everything about my invoice.")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    until(page, Kernel(genuine), "canvas.execution.status", "cancelled")
    if genuine.app == "lab":  # Notebook has no side bar
        page.evaluate("() => window.jupyterapp.shell.activateById('builder-jupyter-runs')")
        page.wait_for_selector(".jp-bj-list .jp-bj-entry:has-text('cancelled')")
        page.evaluate("() => window.jupyterapp.shell.activateById('builder-jupyter-workflows')")
        page.click(".jp-bj-entry:has-text('version')")
        wait_for_canvas(page, 2)
    assert page.problems == []
