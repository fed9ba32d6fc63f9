"""What steps have made, in the details pane: a picture, a film and a voice, fetched with the page's own credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_for_state
from harness import Jupyter, click_node, jupyter
from playwright.sync_api import expect

MADE = """import builder_jupyter as bj
wf = bj.Workflow.from_dict({'dialect': 'direct', 'name': 'media', 'nodes': [
  {'clientId': 'topic', 'type': 'prompt-trigger', 'data': {'prompt': 'a red kite'}},
  {'clientId': 'paint', 'type': 'generate-image', 'data': {'name': 'Painter'}},
  {'clientId': 'speak', 'type': 'text-to-speech', 'data': {'name': 'Speaker'}}],
  'edges': [{'source': 'topic', 'target': 'paint'}, {'source': 'topic', 'target': 'speak'}]})
canvas = bj.Canvas(wf)
canvas"""
PLAYABLE = """async ([selector]) => {
  const one = document.querySelector(selector);
  if (!one) return false;
  return one.tagName === 'IMG' ? one.complete && one.naturalWidth > 0 : one.readyState > 0 && one.duration > 0.3; }"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    defaults = "--BuilderApp.media_defaults={'image': 'local', 'speech': 'espeak'}"
    with jupyter(tmp_path_factory.mktemp("studio"), "lab", defaults) as running:
        yield running


def test_a_picture_and_a_voice_are_shown_in_the_pane(
    studio: Jupyter, show: Callable[..., Any], tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    page = show(studio, MADE)
    page.locator(".jp-bj-run").first.click()
    wait_for_state(page, "completed")
    for node, selector in (("paint", ".jp-bj-figure > img"), ("speak", ".jp-bj-figure > audio")):
        click_node(page, node)
        page.wait_for_function(PLAYABLE, arg=[selector])
        expect(page.locator(".jp-bj-figure")).to_have_count(1)
        box = page.locator(selector).bounding_box()
        assert box["width"] > 100
        assert box["height"] >= 40
        shot = tmp_path / f"{node}.png"
        page.screenshot(path=str(shot))
        record_property(f"screenshot_{node}", str(shot))
    expect(page.locator(".jp-bj-figure > audio")).to_have_attribute("aria-label", "Made by Speaker")
    expect(page.locator(".jp-bj-figure > audio")).to_have_attribute("controls", "")
    click_node(page, "paint")
    page.wait_for_selector(".jp-bj-figure > img[alt='Made by Painter']")
    assert page.problems == []
