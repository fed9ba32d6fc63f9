"""Workflows without a kernel: `*.workflow.json` files in JupyterLab, and the builder as a page of its own."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from accessibility import grave_findings
from conftest import WORKFLOW, wait_for_state
from gestures import drag_node
from harness import (
    Jupyter,
    click_node,
    jupyter,
    open_file,
    open_lab,
    save_file,
    shows,
    wait_for_canvas,
    wait_for_editor,
)
from playwright.sync_api import expect

from builder_jupyter.graph.dialects import read_text
from builder_jupyter.graph.model import Workflow

HOST = "window.jupyterapp.shell.currentWidget.content.host"
CURRENT = "window.jupyterapp.shell.currentWidget.context"


def sessions(lab: Jupyter) -> list[Any]:
    """What runs on the server: sessions and kernels."""
    found: list[Any] = []
    for path in ("sessions", "kernels"):
        with urllib.request.urlopen(f"{lab.url}/api/{path}") as answer:
            found += json.load(answer)
    return found


def wait_for_steps(page: Any, title: str | None) -> None:
    """Wait until undo would take back the step of this title."""
    page.wait_for_function(f"title => {HOST}.doc?.undoes === title", arg=title)


def test_a_file_from_python_is_edited_without_a_kernel(page: Any, lab: Jupyter) -> None:
    file = lab.root / "support.workflow.json"
    workflow = Workflow.load(WORKFLOW)
    workflow.save(file)
    before = file.read_bytes()
    running = sessions(lab)
    open_file(page, lab, file.name)
    save_file(page)
    assert file.read_bytes() == before, "nothing was changed"

    drag_node(page, "summary", 40, 60)
    page.wait_for_function(f"() => {CURRENT}.model.dirty")
    save_file(page)
    moved = Workflow.load(file)
    there = workflow.nodes_by_id["summary"].position
    here = moved.nodes_by_id["summary"].position
    assert here is not None
    assert there is None or (here.x > there.x and here.y > there.y)
    moved.save(lab.root / "again.workflow.json")
    assert (lab.root / "again.workflow.json").read_bytes() == file.read_bytes(), "Python writes it the same way"

    page.keyboard.press("Control+z")
    wait_for_steps(page, None)
    save_file(page)
    assert file.read_bytes() == before, "undone"
    assert sessions(lab) == running
    assert not page.problems


def test_a_file_runs_on_the_server(page: Any, lab: Jupyter) -> None:
    Workflow.load(WORKFLOW).save(lab.root / "run.workflow.json")
    running = sessions(lab)
    open_file(page, lab, "run.workflow.json")
    page.locator(".jp-bj-form textarea[name=message]").fill("Where is my invoice?")
    page.locator(".jp-bj-run").click()
    wait_for_state(page, "completed")
    assert sessions(lab) == running


def test_what_another_program_writes_is_shown(page: Any, lab: Jupyter) -> None:
    file = lab.root / "shared.workflow.json"
    workflow = Workflow.load(WORKFLOW)
    workflow.save(file)
    open_file(page, lab, file.name)
    without = workflow.with_nodes(node for node in workflow.nodes if node.id != "end")
    without.save(file)
    page.wait_for_function("() => CANVAS().graph.node('end').empty()")
    shows(page, f"{CURRENT}.model.dirty", False)
    # With changes of one's own, one is asked.
    drag_node(page, "summary", 0, 80)
    page.wait_for_function(f"() => {CURRENT}.model.dirty")
    workflow.save(file)
    page.get_by_role("button", name="Read it again").click()
    page.wait_for_function("() => CANVAS().graph.node('end').nonempty()")
    page.wait_for_function(f"() => !{CURRENT}.model.dirty")


def test_a_broken_file_says_where_and_opens_as_text(page: Any, lab: Jupyter) -> None:
    (lab.root / "broken.workflow.json").write_text('{"name": "x",\n "nodes": [}', encoding="utf-8")
    page.goto(f"{lab.url}/lab/tree/broken.workflow.json?reset")
    fault = page.locator(".jp-bj-trouble")
    expect(fault).to_contain_text("line 2, column 12")
    page.get_by_role("button", name="Open as text").click()
    page.locator(".jp-FileEditor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"name": "Mended", "nodes": [{"id": "start", "type": "start"}], "edges": []}')
    page.locator(".lm-TabBar-tab", has_text="broken").first.click()
    wait_for_canvas(page)
    expect(page.locator(".jp-bj-title")).to_have_text("Mended")
    fault.wait_for(state="detached")


def test_an_edit_waits_for_a_server_that_is_away(page: Any, lab: Jupyter) -> None:
    Workflow.load(WORKFLOW).save(lab.root / "away.workflow.json")
    open_file(page, lab, "away.workflow.json")
    page.route("**/api/builder/edits*", lambda route: route.abort())
    drag_node(page, "summary", 0, 60)
    page.get_by_text("The server does not answer").wait_for()
    page.unroute("**/api/builder/edits*")
    page.wait_for_function(f"() => {HOST}.doc.undoes !== null && {HOST}.isLinked")
    expect(page.locator(".jp-bj-banner")).to_be_hidden()


def test_new_files_from_the_launcher_and_from_a_template(page: Any, lab: Jupyter) -> None:
    open_lab(page, lab)
    page.locator(".jp-LauncherCard", has_text="New workflow").first.click()
    wait_for_canvas(page)
    made = Workflow.load(lab.root / "Untitled.workflow.json")
    assert [node.type for node in made.nodes] == ["start"]
    open_lab(page, lab)
    page.locator(".jp-LauncherCard", has_text="New workflow from template").click()
    page.locator(".jp-Dialog select").select_option(index=0)
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_function(f"() => {CURRENT}?.path === 'Simple agent.workflow.json'")
    assert len(Workflow.load(lab.root / "Simple agent.workflow.json").nodes) == 3


def test_the_builder_s_page(page: Any, lab: Jupyter, tmp_path: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(f"{lab.url}/builder")
    page.locator(".jp-bj-begin", has_text="Customer support").click()
    wait_for_editor(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_function("() => location.hash.startsWith('#wf_')")
    workflow_id = page.evaluate("() => location.hash.slice(1)")
    drag_node(page, "revise", 60, 30)
    page.get_by_text("not saved").wait_for()
    page.keyboard.press("Control+s")
    page.wait_for_function("() => document.querySelector('.jp-bj-bar-name').textContent.endsWith('supportsaved')")
    with urllib.request.urlopen(f"{lab.url}/api/builder/workflows/{workflow_id}") as answer:
        assert json.load(answer)["version"] == 2

    page.get_by_role("button", name="Generate code").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "customer_support.py"
    compile(Path(download.value.path()).read_text(encoding="utf-8"), "customer_support.py", "exec")
    page.keyboard.press("Escape")

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    exported = tmp_path / "exported.json"
    download.value.save_as(exported)
    assert len(Workflow.load(exported).nodes) == 8
    page.get_by_role("button", name="Workflows").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a file").click()
    chooser.value.set_files(exported)
    wait_for_editor(page)
    assert not page.problems
    assert said == [], "no fault, and nothing that the page's policy forbids"


def test_somebody_else_has_saved(page: Any, lab: Jupyter) -> None:
    page.goto(f"{lab.url}/builder")
    page.locator(".jp-bj-begin", has_text="Simple agent").click()
    wait_for_editor(page)
    page.keyboard.press("Control+s")
    page.wait_for_function("() => location.hash.startsWith('#wf_')")
    url = f"{lab.url}/api/builder/workflows/{page.evaluate('() => location.hash.slice(1)')}"
    theirs = urllib.request.Request(url, b'{"name": "Theirs"}', {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(theirs) as answer:
        assert json.load(answer)["version"] == 2
    drag_node(page, "assistant", 0, 60)
    page.get_by_text("not saved").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Show theirs").click()
    page.wait_for_function("() => document.querySelector('.jp-bj-bar-name').textContent === 'Theirssaved'")
    page.locator(".jp-bj-stage").focus()
    page.keyboard.press("Control+z")
    page.get_by_text("not saved").wait_for()
    page.keyboard.press("Control+s")
    page.wait_for_function("() => document.querySelector('.jp-bj-bar-name').textContent === 'Simple agentsaved'")
    with urllib.request.urlopen(url) as answer:
        saved = json.load(answer)
    assert (saved["name"], saved["version"]) == ("Simple agent", 3)


@pytest.mark.parametrize("way", ["key", "jupyter"])
def test_a_visitor_signs_in(page: Any, tmp_path: Path, way: str) -> None:
    with jupyter(tmp_path, token="letmein") as lab:
        page.goto(f"{lab.url}/builder")
        page.get_by_role("heading", name="Sign in").wait_for()
        assert page.get_by_role("button", name="New workflow").count() == 0
        if way == "key":
            page.get_by_label("API key or token").fill(lab.token)
            page.get_by_role("button", name="Use it").click()
        else:
            page.get_by_role("link", name="Sign in to Jupyter").click()
            page.locator("#password_input").fill(lab.token)
            page.keyboard.press("Enter")
            page.wait_for_url("**/builder")
        page.locator(".jp-bj-begin", has_text="Simple agent").click()
        wait_for_editor(page)
        page.keyboard.press("Control+s")  # with the cookie, this is what needs the token against forgery
        page.wait_for_function("() => location.hash.startsWith('#wf_')")
        kept = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert lab.token not in kept + page.url
        assert not page.problems


def test_a_new_workflow_is_what_python_reads(page: Any, lab: Jupyter) -> None:
    page.goto(f"{lab.url}/builder")
    page.get_by_role("button", name="New workflow").click()
    wait_for_editor(page)
    assert [node.type for node in read_text(page.evaluate("() => document.body.builder.surface.host.text")).nodes] == [
        "start"
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_builder_s_page_has_no_grave_accessibility_finding(page: Any, lab: Jupyter, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(f"{lab.url}/builder")
    page.locator(".jp-bj-begin", has_text="Customer support").wait_for()
    assert grave_findings(page) == [], "nothing open"
    page.locator(".jp-bj-begin", has_text="Customer support").click()
    wait_for_editor(page)
    page.wait_for_function("() => CANVAS().editor")
    assert grave_findings(page) == [], "a workflow"
    click_node(page, "revise")
    page.wait_for_selector(".jp-bj-nodeform [data-field='prompt']")
    assert grave_findings(page) == [], "the inspector"
    page.locator(".jp-bj-stage").focus()
    page.keyboard.press("ContextMenu")
    page.wait_for_selector(".jp-bj-menu")
    assert grave_findings(page) == [], "a menu"
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.get_by_label("Search the node types").wait_for()
    assert grave_findings(page) == [], "the palette"
    assert not page.problems
