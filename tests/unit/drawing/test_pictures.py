"""Pictures to take away: Mermaid, SVG, PNG."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from pathlib import Path

import pytest

import builder_jupyter as bj
from builder_jupyter.drawing import pictures
from builder_jupyter.errors import InvalidInput, NotConfigured, TooLarge
from builder_jupyter.graph.model import Edge, Node, Workflow, freeze
from builder_jupyter.notebook.widgets.canvas import Canvas

SUPPORT = Workflow.load(Path(__file__).parents[3] / "notebooks" / "data" / "support.workflow.json")


def test_mermaid_says_nodes_edges_labels_and_kinds() -> None:
    nodes = (
        Node("start", "start"),
        Node("r", "router", freeze({"name": "Which?"})),
        Node("h", "human"),
        Node("x", "odd"),
    )
    edges = (Edge("start", "r"), Edge("r", "h", label="a | b"), Edge("h", "r"), Edge("h", "nowhere"))
    assert bj.to_mermaid(Workflow("w", nodes, edges), statuses={"r": "completed", "h": "puzzled", "y": "error"}) == (
        "flowchart LR\n"
        '    n0(["start"])\n'
        '    n1{"Which?<br>completed"}\n'
        '    n2{{"h<br>puzzled"}}\n'
        '    n3("x")\n'
        "    n0 --> n1\n"
        '    n1 -->|"a #124; b"| n2\n'
        "    n2 --> n1\n"
        "    classDef t0 fill:#10b981,stroke:#10b981,color:#ffffff\n"
        "    class n0 t0\n"
        "    classDef t1 fill:#f59e0b,stroke:#f59e0b,color:#1f2937\n"
        "    class n1 t1\n"
        "    classDef t2 fill:#ef4444,stroke:#ef4444,color:#ffffff\n"
        "    class n2 t2\n"
        "    style n1 stroke:#15803d,stroke-width:3px\n"
    )


@pytest.mark.parametrize(
    "name", ['"];click n0 "javascript:x"', "end", "#35;`x`", "a\n    n9[b]", "<script>", "%%{init: 1}%%", "\u202ex"]
)
def test_names_have_no_power_in_mermaid(name: str) -> None:
    text = bj.to_mermaid(Workflow("w", (Node("a", "agent", freeze({"name": name})), Node("end", "odd")), ()))
    assert len(text.splitlines()) == 5
    shown = re.findall(r'^    n\d\("(.*)"\)$', text, re.MULTILINE)
    assert len(shown) == 2
    assert not re.search(r'["<>`;\[\]{}]', re.sub(r"#\d+;", "", shown[0]))


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def pixels_of(png: bytes) -> bytes:
    """The bytes of the image before compression, filtered by lines."""
    at, found = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        found += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return zlib.decompress(found)


def test_a_png_has_the_size_of_the_picture_and_shows_statuses_and_theme() -> None:
    width, height = (int(found) for found in re.findall(r'(?:width|height)="(\d+)', bj.to_svg(SUPPORT))[:2])
    light = bj.to_png(SUPPORT, scale=1)
    assert size_of(light) == (width, height)
    assert size_of(bj.to_png(SUPPORT)) == (2 * width, 2 * height)
    assert len(set(pixels_of(light))) > 50
    others = [bj.to_png(SUPPORT, scale=1, theme="dark"), bj.to_png(SUPPORT, scale=1, statuses={"router": "error"})]
    assert len({light, *others}) == 3
    assert bj.to_png(SUPPORT, scale=1) == light


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_png_is_drawn_of_has_no_variables_left(theme: str) -> None:
    style = re.findall(r"<style>.*</style>", bj.to_svg(SUPPORT), re.DOTALL)[0]
    settled = pictures._settled(style, pictures.PALETTES[theme])
    assert "var(" in style
    assert "var(" not in settled
    assert "@media" not in settled
    assert f".card{{fill:{pictures.PALETTES[theme]['card']};" in settled
    assert settled.count("{") == settled.count("}")


def test_names_are_not_style() -> None:
    odd = Workflow("w", (Node("a", "agent", freeze({"name": "var(--card)</style>"})),), ())
    assert size_of(bj.to_png(odd))


def test_a_png_may_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="no theme 'blue'"):
        bj.to_png(SUPPORT, theme="blue")
    for scale in (0, -1, 17, float("nan")):
        with pytest.raises(InvalidInput, match="above 0"):
            bj.to_png(SUPPORT, scale=scale)
    with pytest.raises(TooLarge, match="smaller scale"):
        bj.to_png(SUPPORT, scale=16)
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(NotConfigured, match=re.escape("builder_jupyter[png]")) as caught:
        bj.to_png(SUPPORT)
    assert caught.value.code == "NO_PNG"


def test_a_canvas_gives_what_it_shows() -> None:
    canvas = Canvas(SUPPORT, statuses={"billing": {"status": "running"}})
    known = {"billing": "running"}
    assert canvas.to_svg() == bj.to_svg(SUPPORT, statuses=known)
    assert canvas.to_mermaid() == bj.to_mermaid(SUPPORT, statuses=known)
    assert canvas.to_png(scale=1) == bj.to_png(SUPPORT, statuses=known, scale=1)
    assert canvas.to_png(scale=1) != bj.to_png(SUPPORT, scale=1)
    canvas.close()
