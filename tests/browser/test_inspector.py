"""The inspector in a real JupyterLab: forms, findings, answers and replays, with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import BLOCKING, start, wait_for_state
from gestures import data, field, middle, until
from harness import Jupyter, Kernel, click_node, shows
from playwright.sync_api import expect

Show = Callable[..., Any]
ROUTED = """import builder_jupyter as bj
wf = bj.Workflow.from_dict({'name': 'routed', 'nodes': [
  {'id': 'start', 'type': 'start'},
  {'id': 'route', 'type': 'router', 'data': {'conditions': [{'label': 'money', 'pattern': 'invoice'}]}},
  {'id': 'agent', 'type': 'agent', 'data': {'name': 'Helper', 'prompt': 'Help.', 'mystery': {'kept': True}}},
  {'id': 'look', 'type': 'tool', 'data': {'tool_name': 'calculator', 'arguments': {'expression': '1 + 1'}}},
  {'id': 'end', 'type': 'end', 'data': {'output': 'state.messages[-1]'}}],
  'edges': [{'source': 'start', 'target': 'route'}, {'source': 'route', 'target': 'agent', 'label': 'money'},
    {'source': 'route', 'target': 'look'}, {'source': 'agent', 'target': 'end'}, {'source': 'look', 'target': 'end'}]})
canvas = bj.Canvas(wf)
canvas"""
ASKING = """import builder_jupyter as bj
wf = bj.Workflow.from_dict({'name': 'asking', 'nodes': [{'id': 'start', 'type': 'start'},
  {'id': 'ask', 'type': 'human', 'data': {'prompt': 'May it be sent?', 'options': ['yes', 'no'], 'timeout': 600}},
  {'id': 'form', 'type': 'human', 'data': {'prompt': 'How many?', 'schema': {'type': 'object', 'required': ['count'],
    'properties': {'count': {'type': 'integer', 'minimum': 1}, 'note': {'type': 'string'}}}}},
  {'id': 'end', 'type': 'end', 'data': {'output': 'state.results.form'}}],
  'edges': [{'source': 'start', 'target': 'ask'}, {'source': 'ask', 'target': 'form'},
    {'source': 'form', 'target': 'end'}]})
canvas = bj.Canvas(wf)
canvas"""
TABLE = """import builder_jupyter as bj, pandas as pd
wf = bj.Workflow.from_dict({'name': 'table', 'nodes': [{'id': 'start', 'type': 'start'},
  {'id': 'p', 'type': 'python', 'data': {'code':
    'import pandas as pd\\nfrom IPython.display import HTML, display\\n'
    'display(HTML("<b id=bold>bold</b><img src=x onerror=window.BAD=1><script>window.BAD=2</script>"))\\n'
    'pd.DataFrame({"n": [1, 2, 3]})'}},
  {'id': 'end', 'type': 'end'}], 'edges': [{'source': 'start', 'target': 'p'}, {'source': 'p', 'target': 'end'}]})
canvas = bj.Canvas(wf)
canvas"""


def test_a_prompt_is_edited_as_one_step_and_undone(server: Jupyter, show: Show) -> None:
    page = show(server)
    kernel = Kernel(server)
    before = kernel.value(data("billing"))
    click_node(page, "billing")
    box = page.locator(field("prompt"))
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("You settle invoices, briefly.")
    expect(page.get_by_label("System prompt", exact=True)).to_have_count(1)
    page.keyboard.press("Tab")
    until(page, kernel, data("billing"), {**before, "prompt": "You settle invoices, briefly."})
    kernel.run("canvas.undo()")
    page.wait_for_function(
        "([s, text]) => document.querySelector(s).value === text", arg=[field("prompt"), before["prompt"]]
    )
    until(page, kernel, "canvas.doc['redoes'].startswith('Change system prompt of')", True)
    assert page.problems == []


def test_what_is_typed_outlives_a_document_and_keeps_the_focus(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    click_node(page, "agent")
    page.locator(field("prompt")).click()
    page.keyboard.press("End")
    page.keyboard.type(" And")
    kernel.run("canvas.edit('Elsewhere', [{'op': 'set_data', 'node_id': 'agent', 'field': 'model', 'value': 'other'}])")
    page.wait_for_function("s => document.querySelector(s).value === 'other'", arg=field("model"))
    page.keyboard.type(" more.")
    expect(page.locator(field("prompt"))).to_have_value("Help. And more.")
    expect(page.locator(field("prompt"))).to_be_focused()
    until(page, kernel, data("agent") + "['prompt']", "Help. And more.")  # after a pause, without leaving the box
    assert kernel.value(data("agent"))["mystery"] == {"kept": True}


def test_a_node_is_renamed_and_stays_selected(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    click_node(page, "agent")
    page.fill(field(" id"), "start")
    page.keyboard.press("Enter")
    fault = page.locator(".jp-bj-nodeform [data-field=' id'] .jp-bj-fault")
    expect(fault).to_contain_text("another node")
    page.fill(field(" id"), "helper")
    page.keyboard.press("Enter")
    until(page, kernel, "[e.target for e in canvas.workflow.edges if e.source == 'route']", ["helper", "look"])
    page.wait_for_function("() => CANVAS().graph.selected === 'helper'")
    expect(page.locator(field(" id"))).to_have_value("helper")
    until(page, kernel, "canvas.selected", "helper")


def test_a_router_gets_a_condition_and_a_bad_pattern_is_said_at_once(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    click_node(page, "route")
    page.click(".jp-bj-nodeform [data-field='conditions'] .jp-bj-more")
    page.keyboard.type("lost")
    page.keyboard.press("Tab")
    page.keyboard.type("(where|lost")
    page.wait_for_selector(".jp-bj-row .jp-bj-fault:has-text('Not a pattern')")
    page.keyboard.type(")")
    page.wait_for_selector(".jp-bj-row .jp-bj-fault:has-text('Not a pattern')", state="detached")
    page.keyboard.press("Enter")
    wanted = [{"label": "money", "pattern": "invoice"}, {"label": "lost", "pattern": "(where|lost)"}]
    until(page, kernel, data("route") + "['conditions']", wanted)
    page.wait_for_selector("[data-field='conditions'] .jp-bj-issue[data-type='UNMATCHED_LABEL']")
    page.click(".jp-bj-row:nth-child(2) [aria-label='Remove condition 2']")
    until(page, kernel, data("route") + "['conditions']", wanted[:1])


def test_expressions_are_offered_while_they_are_typed(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    click_node(page, "look")
    box = page.locator(".jp-bj-nodeform [data-field='arguments'] .jp-bj-completed input")
    box.click()
    page.keyboard.press("End")
    page.keyboard.type(" + {{mess")
    page.wait_for_selector(".jp-bj-offer:has-text('state.message')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    until(page, kernel, data("look") + "['arguments']['expression']", "1 + 1 + {{state.message}}")


def test_a_finding_is_seen_opened_and_fixed(server: Jupyter, show: Show) -> None:
    page = show(server, ROUTED.replace("'Help.'", "''").replace("calculator", "calculater"))
    kernel = Kernel(server)
    count = page.locator(".jp-bj-count")
    count.wait_for()
    page.wait_for_function("() => CANVAS().graph.node('look').hasClass('has-warning')")
    before = count.inner_text()
    assert "warning" in before
    count.click()
    page.click(".jp-bj-findings .jp-bj-finding:has-text(\"'look'\")")
    page.wait_for_function("() => CANVAS().graph.selected === 'look'")
    expect(page.locator("[data-field='tool_name'] .jp-bj-issue")).to_have_count(1)
    fixes = page.locator(".jp-bj-findings .jp-bj-fix")
    title = fixes.first.inner_text()
    fixes.first.click()
    until(page, kernel, "canvas.doc['undoes']", title)
    page.wait_for_function("b => document.querySelector('.jp-bj-count').innerText !== b", arg=before)
    assert page.problems == []


@pytest.mark.parametrize("choice", ["yes", "no"])
def test_a_person_answers_in_the_pane_while_a_cell_blocks(lab: Jupyter, show: Show, choice: str) -> None:
    gate = lab.root / f"answered {choice}"
    page = show(lab, ASKING, BLOCKING.format(gate=str(gate)))
    busy = ".jp-CodeCell:nth-of-type(n+2) .jp-InputPrompt:has-text('[*]')"
    page.wait_for_selector(busy)
    page.click(".jp-bj-run")
    page.wait_for_function("() => STATUS('ask') === 'waiting'")
    click_node(page, "ask")
    page.wait_for_selector(".jp-bj-question:has-text('May it be sent?')")
    page.wait_for_selector(".jp-bj-countdown:has-text('Time is up in')")
    page.click(f".jp-bj-answer .jp-bj-send:has-text('{choice}')")
    page.wait_for_function("() => STATUS('form') === 'waiting'")
    click_node(page, "form")
    page.wait_for_selector(".jp-bj-question:has-text('How many?')")
    page.locator(".jp-bj-answer").get_by_label("Count").fill("0")
    page.click(".jp-bj-answer button[type=submit]")
    page.wait_for_selector(".jp-bj-answer .jp-bj-fault:has-text('at least 1')")
    page.locator(".jp-bj-answer").get_by_label("Count").fill("3")
    page.keyboard.press("Enter")
    wait_for_state(page, "completed")
    assert page.locator(busy).count() == 1
    gate.touch()
    kernel = Kernel(lab)
    until(page, kernel, "canvas.execution.output", {"count": 3})
    assert kernel.value("canvas.execution['ask'].text") == choice


def test_a_failed_step_is_replayed(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    start(page, "please fail my invoice")
    wait_for_state(page, "error")
    first = page.evaluate("() => CANVAS().controller.run.id")
    click_node(page, "billing")
    page.click(".jp-bj-replay")
    page.wait_for_function("id => CANVAS().controller.run.id !== id", arg=first)
    wait_for_state(page, "error")
    kernel = Kernel(lab)
    until(page, kernel, "canvas.execution.snapshot['replayOf']", first)
    assert kernel.value("canvas.execution.snapshot['replayFromStepId']") == "billing"


def test_one_step_is_run_with_what_it_needs(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    page.fill(".jp-bj-form textarea[name=message]", "fast invoice")
    click_node(page, "agent")
    page.click(".jp-bj-runhere")
    wait_for_state(page, "completed")
    shows(page, "STATUS('agent')", "completed")
    shows(page, "[...CANVAS().controller.run.steps.keys()].includes('look')", False)


def test_rich_output_is_shown_without_its_scripts(lab: Jupyter, show: Show) -> None:
    page = show(lab, TABLE)
    page.click(".jp-bj-run")
    wait_for_state(page, "completed")
    click_node(page, "p")
    page.wait_for_selector(".jp-bj-displayed table td:has-text('3')")
    expect(page.locator(".jp-bj-displayed b")).to_have_text("bold")
    assert page.evaluate("() => window.BAD") is None


def test_the_workflow_itself_has_properties(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    page.click(".jp-bj-properties summary")
    page.fill(field("description"), "Who helps whom.")
    page.locator(field("metadata")).fill("help")
    page.keyboard.press("Enter")
    until(page, kernel, "[canvas.workflow.description, list(canvas.workflow.tags)]", ["Who helps whom.", ["help"]])


def test_an_edge_is_labelled_in_the_pane(lab: Jupyter, show: Show) -> None:
    page = show(lab, ROUTED)
    kernel = Kernel(lab)
    page.wait_for_function("() => CANVAS().editor")
    page.mouse.click(*middle(page, "route", "look"))
    page.wait_for_selector(".jp-bj-joint .jp-bj-name:has-text('route → look')")
    page.fill(".jp-bj-joint [data-field='label'] input", "default")
    page.keyboard.press("Enter")
    until(page, kernel, "[e.label for e in canvas.workflow.edges if e.target == 'look']", ["default"])
    page.wait_for_function("() => document.querySelector('.jp-bj-joint input')?.value === 'default'")
    click_node(page, "agent")
    page.wait_for_selector(".jp-bj-nodeform [data-field='prompt']")
    expect(page.locator(".jp-bj-joint")).to_be_hidden()
