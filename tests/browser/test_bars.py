"""The side bars in a real JupyterLab: find, copy, drag, run, replay, answer; by mouse and keyboard."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from harness import Jupyter, ask, jupyter, open_lab, open_notebook, run_all, shows, wait_for_canvas, write_notebook
from playwright.sync_api import expect

WORKFLOWS, RUNS, INBOX = (f"#builder-jupyter-{name}" for name in ("workflows", "runs", "inbox"))
BADGE = ".lm-TabBar-tab[data-id=builder-jupyter-inbox]"
SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "title": "Amount", "description": "In euros"},
        "urgent": {"type": "boolean"},
        "team": {"enum": ["billing", "support"]},
    },
    "required": ["amount"],
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A JupyterLab of this module's own: what is in the lists is known."""
    with jupyter(tmp_path_factory.mktemp("bars")) as running:
        yield running


def save(server: Jupyter, name: str, *nodes: dict[str, Any], tags: tuple[str, ...] = ()) -> str:
    """Save a chain of nodes between start and end."""
    chain = [{"id": "start", "type": "start"}, *nodes, {"id": "end", "type": "end"}]
    edges = [{"source": a["id"], "target": b["id"]} for a, b in itertools.pairwise(chain)]
    body = {"name": name, "nodes": chain, "edges": edges, "metadata": {"tags": list(tags)}}
    return str(ask(server, "POST", "builder/workflows", body)["id"])


def agent(prompt: str) -> dict[str, Any]:
    return {"id": "draft", "type": "agent", "data": {"prompt": prompt}}


def human(**data: Any) -> dict[str, Any]:
    return {"id": "ask", "type": "human", "data": data}


def begin(server: Jupyter, workflow: str, message: str = "hello") -> str:
    body = {"canvasId": workflow, "triggerNodeId": "start", "inputs": {"message": message}}
    return str(ask(server, "POST", "execute/start", body)["executionId"])


def until(server: Jupyter, execution: str, status: str) -> Any:
    """Follow an execution to a status."""
    path = f"builder/executions/{execution}"
    while (picture := ask(server, "GET", path))["status"] != status:
        assert picture["status"] in ("planning", "running", "waiting"), picture
    return picture


def show(page: Any, server: Jupyter, bar: str) -> Any:
    """Open JupyterLab, if it is not, with one of the bars."""
    if not page.url.startswith(server.url):
        open_lab(page, server)
    page.evaluate("id => window.jupyterapp.shell.activateById(id)", bar[1:])
    page.wait_for_selector(f"{bar} h2")
    return page.locator(bar)


def row(bar: Any, text: str) -> Any:
    return bar.locator(".jp-bj-barrow", has_text=text)


def choose(page: Any, bar: Any, name: str, command: str) -> None:
    """Choose from the menu of a row."""
    bar.get_by_role("button", name=f"More about {name}", exact=True).click()
    page.locator(".lm-Menu-item", has_text=command).click()


def test_workflows_are_found_by_words_and_tags_and_in_pages(page: Any, own: Jupyter) -> None:
    for number in range(110):
        save(own, f"bulk {number:03}", tags=("bulk",))
    save(own, "Refund letters", tags=("finance", "letters"))
    save(own, "Invoices", tags=("finance",))
    bar = show(page, own, WORKFLOWS)
    rows = bar.locator(".jp-bj-barrow")
    row(bar, "Invoices").wait_for()
    expect(rows).to_have_count(50)
    bar.get_by_role("button", name="Show 50 more of 112").click()
    expect(rows).to_have_count(100)
    search = bar.get_by_role("searchbox")
    search.fill("bulk 001")
    expect(rows).to_have_count(1)  # what lies on the server's second page is found as well
    search.fill("")
    bar.get_by_role("button", name="finance", exact=True).click()
    expect(rows).to_have_count(2)
    assert rows.all_inner_texts()[0].startswith("Invoices")
    bar.get_by_role("button", name="letters", exact=True).press("Enter")
    expect(rows).to_have_count(1)
    search.fill("nothing like it")
    bar.get_by_text("No workflow is like that.").wait_for()
    assert page.problems == []


def test_a_workflow_is_copied_renamed_published_exported_and_deleted(page: Any, own: Jupyter) -> None:
    save(own, "Original", agent("fast"), tags=("mine",))
    bar = show(page, own, WORKFLOWS)
    bar.get_by_role("searchbox").fill("original")
    choose(page, bar, "Original", "Duplicate")
    row(bar, "Original copy").wait_for()
    expect(row(bar, "Original copy").locator(".jp-bj-entry")).to_be_focused()
    choose(page, bar, "Original copy", "Publish")
    row(bar, "Original copy").get_by_text("published").wait_for()
    choose(page, bar, "Original copy", "Rename")
    name = bar.get_by_label("New name of Original copy")
    name.fill("Second original")
    name.press("Enter")
    row(bar, "Second original").get_by_text("version 2").wait_for()
    with page.expect_download() as downloading:
        choose(page, bar, "Second original", "Export")
    assert downloading.value.suggested_filename == "Second original.workflow.json"
    exported = json.loads(downloading.value.path().read_text())
    assert [node["id"] for node in exported["nodes"]] == ["start", "draft", "end"]
    assert (exported["name"], exported["metadata"]) == ("Second original", {"tags": ["mine"]})
    choose(page, bar, "Second original", "Delete")
    page.keyboard.press("Escape")
    choose(page, bar, "Second original", "Delete")
    bar.get_by_role("button", name="Delete", exact=True).click()
    row(bar, "Second original").wait_for(state="detached")
    shows(page, "document.activeElement.closest('.jp-bj-bar-panel') !== null", True)  # the focus stays
    names = [one["name"] for one in ask(own, "GET", "builder/workflows?limit=100&name=Second%20original")]
    assert names == []
    assert page.problems == []


def test_a_workflow_dragged_into_a_notebook_is_a_cell(page: Any, own: Jupyter) -> None:
    save(own, 'Dragged "quoted"')
    write_notebook(own.root / "drop.ipynb", "first = 1", "second = 2")
    open_notebook(page, own, "drop.ipynb")
    bar = show(page, own, WORKFLOWS)
    bar.get_by_role("searchbox").fill("dragged")
    source = row(bar, "Dragged").locator(".jp-bj-entry").bounding_box()
    target = page.locator(".jp-Notebook .jp-Cell").nth(1).bounding_box()
    page.mouse.move(source["x"] + 40, source["y"] + 12)
    page.mouse.down()
    page.mouse.move(source["x"] + 60, source["y"] + 20, steps=4)
    page.mouse.move(target["x"] + 200, target["y"] + 10, steps=8)
    page.screenshot(path=str(own.root.parent / "dragging.png"))
    page.mouse.up()
    page.wait_for_function("() => window.nbw.content.model.cells.length === 3")
    sources = page.evaluate("() => [...window.nbw.content.model.cells].map(cell => cell.sharedModel.getSource())")
    assert sources == ["first = 1", 'import builder_jupyter as bj\n\nbj.Canvas("Dragged \\"quoted\\"")', "second = 2"]
    choose(page, bar, 'Dragged "quoted"', "Insert into the current notebook")
    page.wait_for_function("() => window.nbw.content.model.cells.length === 4")
    run_all(page)
    wait_for_canvas(page, 2)
    assert page.problems == []


def test_a_failed_run_is_seen_looked_into_and_replayed(page: Any, own: Jupyter) -> None:
    workflow = save(own, "Fails", agent("fast fail"), human(prompt="never reached"))
    done = save(own, "Works", agent("fast"))
    until(own, begin(own, done), "completed")
    until(own, begin(own, workflow), "error")
    bar = show(page, own, RUNS)
    failed = row(bar, "Fails")
    failed.get_by_text("failed · ").wait_for()
    bar.get_by_label("Status").select_option("Completed")
    failed.wait_for(state="detached")
    row(bar, "Works").get_by_text("credit").wait_for()
    bar.get_by_label("Status").select_option("Any status")
    bar.get_by_role("searchbox").fill("QUOTA used")
    failed.wait_for()
    row(bar, "Works").wait_for(state="detached")
    failed.get_by_role("button", name="Fails").press("Enter")
    failed.locator(".jp-bj-stage-row .jp-bj-fault", has_text="quota used up").wait_for()
    expect(failed.locator(".jp-bj-stage-row").nth(0)).to_contain_text("start")
    page.screenshot(path=str(own.root.parent / "runs.png"))
    failed.get_by_role("button", name="Replay from draft").click()
    row(bar, "Fails").get_by_text("· replay").wait_for()  # not the button
    newest = ask(own, "GET", f"builder/executions?workflow_id={workflow}")["executions"][0]
    steps = {step["stepId"]: step["reused"] for step in until(own, newest["executionId"], "error")["steps"]}
    assert (newest["triggerType"], steps["start"], steps["draft"]) == ("replay", True, False)
    assert page.problems == []


def test_a_run_is_watched_cancelled_run_again_and_opened(page: Any, own: Jupyter) -> None:
    workflow = save(own, "Endless", agent("forever"))
    bar = show(page, own, RUNS)
    execution = begin(own, workflow)
    live = row(bar, "Endless")
    live.get_by_text("running · ").wait_for()
    before = live.locator(".jp-bj-note").first.inner_text()
    page.wait_for_function(
        "before => document.querySelector('#builder-jupyter-runs .jp-bj-barrow .jp-bj-note').textContent !== before",
        arg=before,
    )
    live.get_by_role("button", name="Endless").click()
    live.locator(".jp-bj-stage-row[data-status=streaming]").wait_for()
    live.get_by_role("button", name="Cancel").click()
    live.get_by_text("cancelled · ").wait_for()
    assert ask(own, "GET", f"builder/executions/{execution}")["status"] == "cancelled"
    live.get_by_role("button", name="Run again").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('#builder-jupyter-runs .jp-bj-barrow')]"
        ".filter(row => row.textContent.includes('Endless')).length === 2"
    )
    again = ask(own, "GET", f"builder/executions?workflow_id={workflow}&status=running")["executions"][0]
    ask(own, "POST", f"builder/executions/{again['executionId']}/cancel", {})
    live.get_by_role("button", name="Open on canvas").click()
    wait_for_canvas(page)
    page.wait_for_function("() => STATUS('draft') === 'skipped' || STATUS('draft') === 'error'")
    assert page.problems == []


def test_questions_are_answered_in_the_inbox(page: Any, own: Jupyter) -> None:
    options = save(own, "Choice", human(prompt="Send the <b>refund</b>?", options=["yes", "no"], timeout=3600))
    typed = save(own, "Form", human(prompt="How much?", schema=SCHEMA))
    show(page, own, WORKFLOWS)
    first, second = begin(own, options), begin(own, typed)
    page.wait_for_selector(f"{BADGE}[data-waiting='2']")
    expect(page.locator(".jp-bj-announcer")).to_contain_text("asks:")  # though the bar is hidden
    bar = show(page, own, INBOX)
    choice = row(bar, "Choice")
    expect(choice).to_contain_text("Send the <b>refund</b>?")
    expect(choice.locator(".jp-bj-deadline")).to_contain_text("min")
    form = row(bar, "Form")
    form.get_by_label("Amount").fill("x")
    form.get_by_role("button", name="Send").click()
    form.get_by_role("alert").get_by_text("whole number").wait_for()
    form.get_by_label("Amount").fill("0")
    form.get_by_label("Urgent").check()
    form.get_by_label("Team").select_option("support")
    page.screenshot(path=str(own.root.parent / "inbox.png"))
    form.get_by_role("button", name="Send").click()
    form.get_by_role("alert").get_by_text("minimum").wait_for()
    expect(form.get_by_label("Amount")).to_have_value("0")  # what was typed is still there
    form.get_by_label("Amount").fill("7")
    form.get_by_label("Amount").press("Enter")
    form.wait_for(state="detached")
    page.wait_for_selector(f"{BADGE}[data-waiting='1']")
    choice.get_by_role("button", name="no", exact=True).click()
    bar.get_by_text("Nothing waits for an answer.").wait_for()
    expect(page.locator(f"{BADGE}[data-waiting]")).to_have_count(0)
    assert until(own, first, "completed")["steps"][1]["outputs"]["text-out"]["value"] == "no"
    answer = until(own, second, "completed")["steps"][1]["outputs"]["text-out"]["value"]
    assert json.loads(answer) == {"amount": 7, "urgent": True, "team": "support"}
    assert page.problems == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_bars_have_no_grave_accessibility_finding(page: Any, own: Jupyter, theme: str) -> None:
    save(own, name := f"Accessible, {theme}", agent("fast"), tags=("looked at",))
    asking = save(own, "Asking", human(prompt="Shall we?", options=["yes", "no"], timeout=7200))
    form = save(own, "Asking more", human(prompt="How much is it?", schema=SCHEMA))
    failing = save(own, "Failing", agent("fast fail"))
    for workflow in (asking, form):
        until(own, begin(own, workflow), "waiting")
    until(own, begin(own, failing), "error")
    bar = show(page, own, WORKFLOWS)
    page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', { theme: t })", theme)
    is_light = str("Light" in theme).lower()
    page.wait_for_selector(f"body[data-jp-theme-light={is_light}]", state="attached")
    row(bar, name).wait_for()
    bar.get_by_role("button", name="looked at").click()
    choose(page, bar, name, "Delete")
    show(page, own, RUNS).locator(".jp-bj-entry", has_text="Failing").first.click()
    page.wait_for_selector(f"{RUNS} .jp-bj-fault")
    row(show(page, own, INBOX), "Asking more").first.wait_for()
    for bar_id in (WORKFLOWS, RUNS, INBOX):
        show(page, own, bar_id)
        page.screenshot(path=str(own.root.parent / f"{bar_id[1:]}-{theme[-5:].strip()}.png"))
        assert grave_findings(page, bar_id) == []
    assert page.problems == []
