from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from builder_jupyter.graph.model import Edge, FrozenDict, Node, Position, Profile, Workflow
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.notebook.routes import Router
from builder_jupyter.notebook.svg import HUGE, Look, looks_of, workflow_svg

LOOKS = {"agent": Look("#8b5cf6", "✦", "Agent"), "router": Look("#f59e0b", "◆", "Router")}
NS = "{http://www.w3.org/2000/svg}"
STATUSES = ["pending", "running", "streaming", "waiting", "completed", "error", "skipped"]


def simple(name: str = "Simple") -> Workflow:
    return Workflow(
        name,
        (Node("ask", "router", FrozenDict(name="Ask")), Node("a", "agent"), Node("b", "agent")),
        (Edge("ask", "a", label="yes"), Edge("ask", "b", label="no"), Edge("b", "ask"), Edge("a", "nowhere")),
    )


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{NS}text")]


def test_it_is_well_formed_and_speaks_to_screen_readers() -> None:
    root = ET.fromstring(workflow_svg(simple(), looks=LOOKS, statuses={"a": "running"}))
    assert root.tag == f"{NS}svg"
    assert root.get("role") == "img"
    assert root.findtext(f"{NS}title") == "Simple"
    assert root.findtext(f"{NS}desc") == "Edges: Ask to a when yes; Ask to b when no; b to Ask. Status: a running."


def test_labels_captions_and_routes_are_written() -> None:
    assert {"Ask", "Router", "a", "b", "Agent", "yes", "no"} <= set(texts(workflow_svg(simple(), looks=LOOKS)))


def test_the_same_workflow_gives_the_same_text() -> None:
    assert workflow_svg(simple(), looks=LOOKS) == workflow_svg(simple(), looks=dict(reversed(LOOKS.items())))


def test_pictures_on_one_page_cannot_clash() -> None:
    one, other = workflow_svg(simple("one"), looks=LOOKS), workflow_svg(simple("other"), looks=LOOKS)
    scopes = [re.findall(r'class="(wf-\w+)"', svg) for svg in (one, other)]
    assert scopes[0] != scopes[1]
    for svg, (scope,) in zip((one, other), scopes, strict=True):
        assert not re.search(r'\bid="|url\(', svg)
        style = ET.fromstring(svg).findtext(f"{NS}style") or ""
        rules = [rule for rule in re.findall(r"([^{}]+)\{", style) if not rule.strip().startswith("@media")]
        assert rules
        assert all(rule.strip().startswith(f".{scope}") for rule in rules)


@pytest.mark.parametrize(
    "hostile",
    [
        "</text><script>alert(1)</script>",
        '"><image href=x onerror=alert(1)>',
        "]]>&amp;<!--",
        "nul\0 bell\x07 lone\ud800 not\uffff char",
        "left\u202eright",
        " ",
        "w" * 5000,
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    workflow = Workflow(
        hostile,
        (Node(hostile, hostile, FrozenDict(name=hostile)), Node("b", "agent", FrozenDict(name=7))),
        (Edge(hostile, "b", label=hostile), Edge("b", "b", condition=hostile)),
    )
    looks = {"agent": Look('red" onload="x', hostile, hostile)}
    svg = workflow_svg(workflow, looks=looks, statuses={hostile: hostile, "b": "error"})
    root = ET.fromstring(svg)
    allowed = {f"{NS}{tag}" for tag in ("svg", "style", "title", "desc", "g", "rect", "text", "path", "circle")}
    assert {element.tag for element in root.iter()} <= allowed
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
    assert "\u202e" not in svg
    svg.encode("utf-8")


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_shows_by_icon_border_and_word(status: str) -> None:
    svg = workflow_svg(simple(), looks=LOOKS, statuses={"a": status})
    assert f"Agent · {status}" in texts(svg)
    root = ET.fromstring(svg)
    assert len(list(root.iter(f"{NS}circle"))) == 2
    assert any("stroke-width" in (rect.get("style") or "") for rect in root.iter(f"{NS}rect"))


def test_statuses_differ_without_colour() -> None:
    seen = set()
    for status in STATUSES:
        root = ET.fromstring(workflow_svg(simple(), looks=LOOKS, statuses={"a": status}))
        (icon,) = [path.get("d") for path in root.iter(f"{NS}path") if path.get("class") == "mark"]
        seen.add(icon)
    assert len(seen) == len(STATUSES)


def test_a_status_of_a_later_version_is_shown_as_a_word() -> None:
    assert "Agent · dreaming" in texts(workflow_svg(simple(), looks=LOOKS, statuses={"a": "dreaming", "?": "x"}))


def test_long_names_are_cut_but_kept_in_the_tooltip() -> None:
    name = "Write the first draft of the newsletter"
    svg = workflow_svg(Workflow(nodes=(Node("a", "agent", FrozenDict(name=name)),)), looks=LOOKS)
    assert any(text.endswith("…") for text in texts(svg))
    assert f"<title>{name} (Agent)</title>" in svg


def test_edges_against_the_reading_direction_are_dashed() -> None:
    root = ET.fromstring(workflow_svg(simple(), looks=LOOKS))
    assert [path.get("class") for path in root.iter(f"{NS}path")].count("edge back") == 1


@pytest.mark.parametrize("place", [(0, 200), (0, -200), (30, 10), (0, 0), (-400, 0), (400, 5)])
def test_any_two_places_are_joined(place: tuple[int, int]) -> None:
    nodes = (Node("a", "agent", position=Position(0, 0)), Node("b", "agent", position=Position(*place)))
    ET.fromstring(workflow_svg(Workflow(nodes=nodes, edges=(Edge("a", "b"), Edge("b", "a"))), looks=LOOKS))


def test_an_empty_workflow_is_drawn() -> None:
    assert ET.fromstring(workflow_svg(Workflow(), looks={})).get("viewBox") == "0 0 320 60"


def test_huge_graphs_lose_their_captions_only() -> None:
    nodes = tuple(Node(f"n{i}", "agent") for i in range(HUGE + 1))
    shown = texts(workflow_svg(Workflow(nodes=nodes), looks=LOOKS))
    assert "n300" in shown
    assert "Agent" not in shown


def test_looks_come_from_the_registry() -> None:
    class Pause(NodeType):
        type, title, color, icon = "pause", "Pause", "#112233", "‖"
        profiles = frozenset({Profile.DIRECT})

    registry = Registry((Pause,))
    assert looks_of(registry, Profile.DIRECT) == {"pause": Look("#112233", "‖", "Pause")}
    assert looks_of(registry, Profile.BUILDER) == {}


@pytest.mark.parametrize("place", [(400, 300), (400, -300), (30, 200), (30, -200), (30, 10), (0, 0), (-400, 0)])
def test_a_course_that_stays_between_its_ends_does(place: tuple[int, int]) -> None:
    ends = Position(0, 0), Position(*place)
    route = Router(ends).route(*ends)
    assert route.stays_between == (len(route.curves) == 1 and place != (0, 0))
    xs, ys = zip(*route.points(), strict=True)
    if route.stays_between:
        assert {min(xs), max(xs)} == {xs[0], xs[-1]}
        assert {min(ys), max(ys)} == {ys[0], ys[-1]}
