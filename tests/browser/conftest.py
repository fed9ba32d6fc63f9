"""Browser tests: `python -m pytest tests/browser`. They need Chromium on the PATH, playwright and notebook.

With `LATE_MS=400` what the server says comes late, by up to so many milliseconds each time: for finding races by hand.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import FLAGS, Jupyter, jupyter, open_notebook, run_all, wait_for_canvas, write_notebook
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WORKFLOW = Path(__file__).parents[2] / "notebooks" / "data" / "support.workflow.json"
LATE = Path(__file__).parent / "late.js"
CEILING_MS = 90_000  # never waited out when all is well: two busy cores are slow
MESSAGE = ".jp-bj-form textarea[name=message]"
# A cell that is busy until there is a file.
BLOCKING = "import pathlib, time\nwhile not pathlib.Path({gate!r}).exists():\n    time.sleep(0.1)"
# Notes from now on how a node stands, and how long its text is while it is written.
GROWING = """id => { window.GREW = []; window.STATUSES = []; const look = () => {
  const status = STATUS(id), text = document.querySelector('.jp-bj-details .jp-mod-growing .jp-bj-text');
  if (status && STATUSES.at(-1) !== status) STATUSES.push(status);
  if (status === 'streaming' && text && GREW.at(-1) !== text.textContent.length) GREW.push(text.textContent.length);
  requestAnimationFrame(look); }; look(); }"""
LAST_WORDS = re.compile(r"refunded today \.\s*$")  # of `scripted.py`
NOISE = "reading 'schema'"  # Notebook's own
SUPPORT = f"import builder_jupyter as bj\nwf = bj.Workflow.load({str(WORKFLOW)!r})\ncanvas = bj.Canvas(wf)\ncanvas"


expect.set_options(timeout=CEILING_MS)


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No loop of its own for each test: playwright has one running."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing to clean up: the servers are processes of their own."""


@pytest.fixture(scope="session", params=["lab", "notebook"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with jupyter(tmp_path_factory.mktemp(request.param), request.param) as running:
        yield running


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with jupyter(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    assert CHROMIUM, "Chromium is not on the PATH"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(CEILING_MS)
    if most := os.environ.get("LATE_MS"):
        context.add_init_script(LATE.read_text().replace("MOST_MS", most))
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: None if NOISE in str(error) else page.problems.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def show(page: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return a function that opens a notebook of cells, runs it and waits for its canvases."""

    def open_it(server: Jupyter, *cells: str, canvases: int = 1) -> Any:
        name = f"{abs(hash(request.node.nodeid))}.ipynb"
        write_notebook(server.root / name, *(cells or (SUPPORT,)))
        open_notebook(page, server, name)
        run_all(page)
        wait_for_canvas(page, canvases)
        return page

    return open_it


def start(page: Any, message: str, *, index: int = 0) -> None:
    """Fill in the message and press Run."""
    page.locator(MESSAGE).nth(index).fill(message)
    page.locator(".jp-bj-run").nth(index).click()


def wait_for_state(page: Any, word: str, *, index: int = 0, timeout: int = CEILING_MS) -> None:
    """Wait until the toolbar says how the run stands."""
    page.wait_for_function(
        "([word, i]) => [...document.querySelectorAll('.jp-bj-state .jp-bj-word')][i]?.textContent === word",
        arg=[word, index],
        timeout=timeout,
    )
