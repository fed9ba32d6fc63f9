"""What goes away and comes back: kernel, sockets, server; and two tabs on one workflow. Nobody reloads the page."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import LAST_WORDS, MESSAGE, SUPPORT, WORKFLOW, start, wait_for_state
from gestures import IDS, PLACES, STAGE, drag_node, drawn, until
from harness import (
    Jupyter,
    Kernel,
    click_node,
    jupyter,
    open_notebook,
    run_all,
    save_file,
    shows,
    wait_for_canvas,
    wait_for_editor,
    write_notebook,
)
from playwright.sync_api import expect

from builder_jupyter.graph.model import Workflow

Show = Callable[..., Any]
BANNER = ".jp-bj-banner:visible"
SOCKETS = """(() => { const Real = window.WebSocket; window.SOCKETS = [];
  window.WebSocket = class extends Real { constructor(...a) { super(...a); SOCKETS.push(this); } }; })()"""
KEY = "only-for-this-test"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Jupyter]:
    """A JupyterLab of one test's own, which may be killed."""
    with jupyter(tmp_path) as running:
        yield running


def move(page: Any, node: str) -> None:
    """Drag a node a little down."""
    drag_node(page, node, 4, 30)


@pytest.mark.parametrize("end", ["killed", "restarted"])
def test_a_kernel_that_is_gone_is_told_of_and_its_run_goes_on(server: Jupyter, show: Show, end: str) -> None:
    page = show(server)
    wait_for_editor(page)
    start(page, "my invoice")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    if end == "killed":
        os.kill(Kernel(server).value("__import__('os').getpid()"), signal.SIGKILL)
    else:
        page.locator(".jp-Notebook .jp-InputPrompt").first.click()
        page.keyboard.press("0")
        page.keyboard.press("0")
        page.locator(".jp-Dialog .jp-mod-accept", has_text="Restart").click()
    page.locator(BANNER, has_text="run the cell again to edit").wait_for()
    if end == "killed":
        page.locator(".jp-Dialog", has_text="died").locator(".jp-mod-accept").click()
    wait_for_state(page, "completed")
    nodes = page.evaluate("() => CANVAS().graph.core.nodes().length")
    click_node(page, "summary")
    expect(page.locator(".jp-bj-details .jp-bj-text").first).to_have_text(LAST_WORDS)
    page.keyboard.press("Delete")
    page.locator(".jp-bj-notice", has_text="no kernel").wait_for()
    assert page.evaluate("() => CANVAS().graph.core.nodes().length") == nodes

    page.focus(STAGE)
    page.keyboard.press("Escape")
    start(page, "my invoice forever")  # it needs no kernel
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    page.wait_for_function("() => nbw.sessionContext.session.kernel.status === 'idle'")
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Control+Enter")
    page.locator(BANNER).wait_for(state="detached")
    wait_for_canvas(page)
    wait_for_editor(page)
    page.wait_for_function("() => STATUS('billing') === 'streaming'")  # it has found the run that is under way
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    click_node(page, "summary")
    page.keyboard.press("Delete")
    drawn(page, nodes=nodes - 1)
    until(page, Kernel(server), f"len({IDS})", nodes - 1)
    assert page.problems == []


def test_a_dropped_kernel_socket_loses_no_edit(server: Jupyter, show: Show, page: Any) -> None:
    page.add_init_script(SOCKETS)
    show(server)
    wait_for_editor(page)
    kernel = Kernel(server)
    before = kernel.value(PLACES)["summary"]
    page.evaluate("() => SOCKETS.filter(one => one.url.includes('/channels')).at(-1).close()")
    move(page, "summary")
    until(page, kernel, f"({PLACES})['summary'] != {before}", True)
    page.wait_for_function("() => SOCKETS.filter(one => one.url.includes('/channels')).length > 1")
    expect(page.locator(BANNER)).to_have_count(0)
    assert page.problems == []


def test_a_run_in_a_cell_outlives_the_server(own: Jupyter, page: Any) -> None:
    write_notebook(own.root / "cell.ipynb", SUPPORT)
    open_notebook(page, own, "cell.ipynb")
    run_all(page)
    wait_for_canvas(page)
    start(page, "my invoice")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    own.kill()
    wait_for_state(page, "running · reconnecting")
    page.locator(BANNER, has_text="The kernel cannot be reached").wait_for()
    own.start()
    wait_for_state(page, "completed")
    shows(page, "STATUS('closing')", "completed")
    # The kernel went with the server. Once Jupyter knows that, so does the canvas.
    page.locator(BANNER, has_text="run the cell again to edit").wait_for()


def test_a_document_outlives_the_server(own: Jupyter, page: Any) -> None:
    Workflow.load(WORKFLOW).save(own.root / "outlives.workflow.json")
    page.goto(f"{own.url}/lab/tree/outlives.workflow.json?reset")
    wait_for_canvas(page)
    wait_for_editor(page)
    start(page, "my invoice")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    own.kill()
    wait_for_state(page, "running · reconnecting")
    own.start()
    wait_for_state(page, "completed")
    if page.locator(".jp-Dialog").count():  # Jupyter itself says that the server was away
        page.keyboard.press("Escape")
        page.locator(".jp-Dialog").wait_for(state="detached")
    move(page, "summary")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.host.doc.undoes?.startsWith('Move')")


def test_two_tabs_of_one_notebook_show_the_same(server: Jupyter, show: Show) -> None:
    page = show(server)
    wait_for_editor(page)
    save_file(page)
    other = page.context.new_page()
    open_notebook(other, server, page.url.split("/")[-1].split("?")[0])
    wait_for_canvas(other)
    wait_for_editor(other)
    click_node(other, "technical")
    other.keyboard.press("Delete")
    drawn(page, nodes=8)
    page.focus(STAGE)
    page.keyboard.press("Control+z")
    drawn(other, nodes=9)
    drawn(page, nodes=9)
    other.focus(STAGE)
    other.keyboard.press("Escape")
    start(other, "my invoice forever")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    wait_for_state(other, "cancelled")
    until(page, Kernel(server), f"len({IDS})", 9)
    assert page.problems == []


def test_two_tabs_of_the_builder_follow_one_run(page: Any, lab: Jupyter) -> None:
    page.goto(f"{lab.url}/builder")
    page.locator(".jp-bj-begin", has_text="Simple agent").click()
    wait_for_canvas(page)
    wait_for_editor(page)
    page.keyboard.press("Control+s")
    page.wait_for_function("() => location.hash.startsWith('#wf_')")
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_canvas(other)
    start(other, "forever")
    page.wait_for_function("() => STATUS('assistant') === 'streaming'")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    wait_for_state(other, "cancelled")
    assert page.problems == []


def test_a_run_is_followed_with_a_pasted_key(page: Any, tmp_path: Path) -> None:
    said: list[str] = []
    page.on("request", lambda request: said.append(request.url))
    late: list[Any] = []
    page.route(
        "**/api/builder/workflows*",
        lambda route: route.continue_() if "authorization" in route.request.headers else late.append(route),
    )
    with jupyter(tmp_path, "lab", "scripted", token=KEY) as running:
        page.goto(f"{running.url}/builder")
        page.get_by_label("API key or token").fill(KEY)
        page.get_by_role("button", name="Use it").click()
        page.locator(".jp-bj-begin").first.wait_for()
        with page.expect_response(lambda response: response.status == 401):
            late.pop().continue_()  # what was asked without the key is refused after it was pasted
        page.locator(".jp-bj-begin", has_text="Simple agent").click()
        wait_for_canvas(page)
        wait_for_editor(page)
        page.locator(MESSAGE).fill("forever")
        page.click(".jp-bj-run")
        page.wait_for_function("() => STATUS('assistant') === 'streaming'")
        click_node(page, "assistant")
        page.wait_for_selector(".jp-bj-details .jp-mod-growing .jp-bj-text")
        page.wait_for_function(
            "() => { const text = document.querySelector('.jp-bj-details .jp-bj-text').textContent;"
            " return (window.GREW ??= new Set()).add(text.length).size > 2; }"
        )
        expect(page.locator(".jp-bj-state")).not_to_contain_text("reconnecting")
        page.click(".jp-bj-cancel")
        wait_for_state(page, "cancelled")
        assert not [url for url in said if KEY in url], "a key stands in no address"
        assert page.problems == []
