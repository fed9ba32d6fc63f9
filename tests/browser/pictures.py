"""Pictures of the canvas for the documentation, made anew: `python tests/browser/pictures.py [FOLDER]`.

Without a folder those of `KEPT` go to ``docs/pictures``; with one, all of them go there, to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import CHROMIUM, start, wait_for_state
from gestures import STAGE
from harness import (
    FLAGS,
    Jupyter,
    ask,
    click_node,
    jupyter,
    open_notebook,
    place,
    run_all,
    save_file,
    wait_for_editor,
    write_notebook,
)
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parents[2] / "docs" / "pictures"
KEPT = ("drawing", "inspector", "running", "waiting", "bars", "dark")
MOST_BYTES = 250_000
SIZE = {"width": 1280, "height": 860}
DESK = {
    "name": "Support desk",
    "nodes": [
        {"id": "start", "type": "start", "data": {"name": "Message"}},
        {
            "id": "topic",
            "type": "router",
            "data": {
                "name": "Topic",
                "conditions": [
                    {"label": "money", "pattern": "invoice|refund|charge"},
                    {"label": "trouble", "pattern": "error|crash|login"},
                ],
                "default": "trouble",
            },
        },
        {
            "id": "billing",
            "type": "agent",
            "data": {
                "name": "Billing",
                "prompt": "You settle invoices and refunds.\nThe customer wrote: {{state.message}}\nBe brief and kind.",
            },
        },
        {"id": "technical", "type": "agent", "data": {"name": "Technical", "prompt": "Suggest one thing to try."}},
        {
            "id": "approval",
            "type": "human",
            "data": {
                "name": "Approval",
                "prompt": "May this reply be sent to the customer?",
                "options": ["send it", "not yet"],
                "timeout": 3600,
            },
        },
        {"id": "end", "type": "end", "data": {"name": "Reply", "output": "state.messages[-1]"}},
    ],
    "edges": [
        {"source": "start", "target": "topic"},
        {"source": "topic", "target": "billing", "label": "money"},
        {"source": "topic", "target": "technical", "label": "trouble"},
        {"source": "billing", "target": "approval"},
        {"source": "technical", "target": "approval"},
        {"source": "approval", "target": "end", "label": "send it"},
    ],
    "metadata": {"tags": ["support"]},
}
SHOWN = 'import builder_jupyter as bj\n\ncanvas = bj.Canvas("Support desk")\ncanvas'
EMPTY = 'import builder_jupyter as bj\n\ncanvas = bj.Canvas(bj.Workflow("My first workflow"))\ncanvas'
LARGE = """import builder_jupyter as bj

flow = bj.workflow("A thousand agents")
end = flow.end()
for row in range(25):
    step = flow.start
    for column in range(40):
        step = step >> flow.agent(f"a{row}_{column}", prompt="Work.", name=f"Agent {row} {column}")
    step >> end
canvas = bj.Canvas(flow.build())
canvas"""
INVOICE = "I was charged twice for one invoice. Please refund it."


class Studio:
    """A JupyterLab and a browser; each picture begins with a page of its own."""

    def __init__(self, server: Jupyter, browser: Any) -> None:
        self.server, self.browser = server, browser

    def page(self, cell: str, *, is_empty: bool = False) -> Any:
        """Return a page with a notebook of one cell that was run, without the side bar."""
        page = self.browser.new_context(viewport=SIZE, device_scale_factor=1.25).new_page()
        write_notebook(self.server.root / "support.ipynb", cell)
        open_notebook(page, self.server, "support.ipynb")
        page.keyboard.press("Control+b")
        run_all(page)
        page.wait_for_selector(".jp-bj-rail [data-type=agent]")
        if not is_empty:
            wait_for_editor(page)
            page.focus(STAGE)
            page.keyboard.press("f")
        return page

    def running(self, message: str = INVOICE) -> Any:
        """Return a page with a run under way."""
        page = self.page(SHOWN)
        start(page, message)
        return page


def empty(studio: Studio) -> Any:
    """The canvas of a workflow without nodes."""
    return studio.page(EMPTY, is_empty=True)


def drawing(studio: Studio) -> Any:
    """An edge on its way to a node that was just dropped."""
    page = studio.page(SHOWN)
    x, y = place(page, "approval")
    stage = page.locator(STAGE).bounding_box()
    target = {"x": x - stage["x"], "y": y - stage["y"] + 75}
    page.drag_and_drop(".jp-bj-rail [data-type=python]", STAGE, target_position=target)
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 7 && CANVAS().graph.selected === 'python'")
    click_node(page, "technical")
    page.wait_for_selector(".jp-bj-dot:not([hidden])")
    box = page.locator(".jp-bj-dot").bounding_box()
    page.mouse.move(box["x"] + 11, box["y"] + 11)
    page.mouse.down()
    x, y = place(page, "python")
    page.mouse.move(x - 60, y - 40, steps=6)
    page.mouse.move(x - 20, y, steps=6)
    page.wait_for_function("() => CANVAS().graph.core.nodes('.aim').length")
    return page


def inspector(studio: Studio) -> Any:
    """The form of an agent."""
    page = studio.page(SHOWN)
    click_node(page, "billing")
    page.locator(".jp-bj-nodeform [data-field='prompt'] textarea").click()
    return page


def running(studio: Studio) -> Any:
    """An agent that is writing."""
    page = studio.running("Write forever about my invoice.")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    click_node(page, "billing")
    page.wait_for_function("() => document.querySelector('.jp-bj-details .jp-bj-text')?.textContent.length > 60")
    return page


def failed(studio: Studio) -> Any:
    """A run that failed, with the reason."""
    page = studio.running("Why did my refund fail?")
    wait_for_state(page, "error")
    click_node(page, "billing")
    return page


def waiting(studio: Studio) -> Any:
    """A question to a person."""
    page = studio.running()
    page.wait_for_function("() => STATUS('approval') === 'waiting'")
    click_node(page, "approval")
    page.wait_for_selector(".jp-bj-question")
    page.locator(".jp-bj-question").hover()
    page.wait_for_selector(".jp-bj-dot.jp-mod-bare")  # the names of sockets go with the pointer
    return page


def dark(studio: Studio) -> Any:
    """A run in the dark theme."""
    page = studio.page(SHOWN)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    start(page, INVOICE)
    page.wait_for_function("() => STATUS('approval') === 'waiting'")
    page.wait_for_timeout(500)  # the theme fades in
    return page


def thousand(studio: Studio) -> Any:
    """A thousand nodes with their map."""
    page = studio.page(LARGE)
    page.wait_for_selector(".jp-bj-map:not([hidden])")
    page.focus(STAGE)
    for _ in range(8):
        page.keyboard.press("+")
    return page


def bars(studio: Studio) -> Any:
    """The list of runs beside a canvas."""
    page = waiting(studio)
    page.focus(STAGE)
    page.keyboard.press("Escape")
    page.evaluate("() => window.jupyterapp.shell.activateById('builder-jupyter-runs')")
    page.locator("#builder-jupyter-runs .jp-bj-entry", has_text="Support desk").first.click()
    page.wait_for_selector("#builder-jupyter-runs .jp-bj-stage-row")
    page.focus(STAGE)
    page.keyboard.press("f")
    return page


def saved(studio: Studio) -> Any:
    """What a notebook shows before any cell is run."""
    page = waiting(studio)
    page.click(".jp-bj-answer .jp-bj-send")
    wait_for_state(page, "completed")
    page.wait_for_timeout(1500)  # Python hears of it, and with it the picture
    page.locator(".jp-Notebook .cm-content").first.click()
    save_file(page)
    page.evaluate("async () => { await nbw.sessionContext.session.kernel.restart() }")
    page.reload()
    page.wait_for_selector(".jp-bj-saved img")
    return page


SCENES: dict[str, Callable[[Studio], Any]] = {
    scene.__name__: scene
    for scene in (empty, drawing, inspector, running, failed, waiting, thousand, bars, saved, dark)
}


def end_runs(server: Jupyter) -> None:
    """Cancel what still runs or waits: the next picture begins with a canvas at rest."""
    for run in ask(server, "GET", "builder/executions")["executions"]:
        if run["finishedAt"] is None:
            ask(server, "POST", f"builder/executions/{run['executionId']}/cancel", {})


def main() -> None:
    """Make the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:] or (SCENES if len(sys.argv) > 1 else KEPT)
    with tempfile.TemporaryDirectory() as place_, jupyter(Path(place_)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        ask(server, "POST", "builder/workflows", DESK)
        for name in wanted:
            page = SCENES[name](Studio(server, browser))
            page.wait_for_timeout(300)  # animations
            file = folder / f"{name}.png"
            page.screenshot(path=str(file))
            page.context.close()
            end_runs(server)
            size = file.stat().st_size
            print(f"{file.name}: {size // 1000} kB{' TOO LARGE' if size > MOST_BYTES else ''}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
