"""A question answered from the cell that shows the run, and a canvas that remembers, in a real JupyterLab."""

from __future__ import annotations

from typing import Any

from gestures import until
from harness import Jupyter, Kernel, open_notebook, run_all, wait_for_canvas, write_notebook
from playwright.sync_api import expect

ASK = """import builder_jupyter as bj
wf = bj.Workflow.from_dict({"name": "ask", "nodes": [
    {"id": "start", "type": "start"},
    {"id": "draft", "type": "agent", "data": {"prompt": "fast"}},
    {"id": "ask", "type": "human", "data": %s},
    {"id": "end", "type": "end"}], "edges": [
    {"source": "start", "target": "draft"}, {"source": "draft", "target": "ask"}, {"source": "ask", "target": "end"}]})
run = bj.run(wf, message="Refund?")
run"""
OPTIONS = {"prompt": "Send the <b>refund</b>?", "options": ["send it", "not yet"], "timeout": 3600}
SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1, "title": "Amount"}, "urgent": {"type": "boolean"}},
    "required": ["amount"],
}
DONE = "ask: completed"


def show(page: Any, server: Jupyter, name: str, *cells: str) -> None:
    write_notebook(server.root / name, *cells)
    open_notebook(page, server, name)
    run_all(page)


def test_a_button_in_the_cell_answers(page: Any, lab: Jupyter) -> None:
    show(page, lab, "buttons.ipynb", ASK % OPTIONS)
    button = page.locator(".jp-OutputArea button", has_text="send it")
    button.wait_for()
    expect(page.locator(".jp-OutputArea").first).to_contain_text("Send the <b>refund</b>?")
    expect(page.locator(".jp-OutputArea").first).to_contain_text("Before 20")
    page.screenshot(path=str(lab.root.parent / "question.png"))
    button.click()
    page.wait_for_function(
        "done => [...document.querySelectorAll('.widget-html')].some(e => e.textContent.includes(done))", arg=DONE
    )
    expect(button).to_have_count(0)
    kernel = Kernel(lab)
    until(page, kernel, "[run.status, run['ask'].text]", ["completed", "send it"])
    page.screenshot(path=str(lab.root.parent / "answered.png"))
    assert page.problems == []


def test_typed_fields_in_the_cell(page: Any, lab: Jupyter) -> None:
    show(page, lab, "fields.ipynb", ASK % {"prompt": "How much?", "schema": SCHEMA})
    amount = page.locator(".jp-OutputArea").get_by_label("Amount")  # the inbox has one too
    amount.wait_for()
    amount.fill("0")
    amount.press("Tab")
    page.locator(".jp-OutputArea input[type=checkbox]").check()
    send = page.locator(".jp-OutputArea button", has_text="Send")
    send.click()
    expect(page.locator(".jp-OutputArea [role=alert]")).to_contain_text("minimum")
    page.screenshot(path=str(lab.root.parent / "refused.png"))
    amount.fill("7")
    amount.press("Tab")
    send.click()
    page.wait_for_function(
        "done => [...document.querySelectorAll('.widget-html')].some(e => e.textContent.includes(done))", arg=DONE
    )
    until(page, Kernel(lab), "run.snapshot['output'] or run['ask'].text", '{"amount": 7, "urgent": true}')
    assert page.problems == []


def test_a_stranger_answers_by_a_link(page: Any, chromium: Any, lab: Jupyter) -> None:
    link = 'import json, builder_jupyter as bj\nprint("LINK", run.waitpoints[0].link())'
    show(page, lab, "link.ipynb", ASK % {"prompt": "How much?", "schema": SCHEMA}, link)
    page.wait_for_function("() => document.body.innerText.includes('LINK http')")
    url = Kernel(lab).value("run.waitpoints[0].link()")
    stranger = chromium.new_context()
    form = stranger.new_page()
    said: list[str] = []
    form.on("console", lambda message: said.append(message.text))
    form.goto(url)
    form.get_by_label("Amount").fill("12")
    form.get_by_label("Urgent").check()
    form.screenshot(path=str(lab.root.parent / "page.png"))
    form.get_by_role("button", name="Send").click()
    form.get_by_text("Thank you").wait_for()
    assert form.goto(url).status == 404
    assert [text for text in said if "Content" in text] == [], "the page keeps its own policy"
    stranger.close()
    assert Kernel(lab).value("run.wait(show=False).status") == "completed"


def test_a_canvas_shows_the_last_results_again(page: Any, lab: Jupyter) -> None:
    canvas = "canvas = bj.Canvas(bj.run(wf, 'again', target='draft', show=False).snapshot['canvasId'])\ncanvas"
    show(page, lab, "results.ipynb", ASK % OPTIONS, canvas)
    wait_for_canvas(page)
    page.wait_for_function("() => STATUS('draft') === 'completed'")
    Kernel(lab).run("canvas.selected = 'draft'")
    page.get_by_text("Thank you for writing", exact=False).and_(page.locator(".jp-bj-details .jp-bj-text")).wait_for()
    until(page, Kernel(lab), "canvas.texts['draft'].startswith('Thank you')", True)
    page.screenshot(path=str(lab.root.parent / "results.png"))
    assert page.problems == []
