"""What editors without a kernel ask for: edits, node types, and the page with its files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from server import BASE_URLS, START_AGENT_END, Call

from builder_jupyter.graph.dialects import read_text, write_text

SUPPORT = Path(__file__).parents[2] / "notebooks" / "data" / "support.workflow.json"
EDITS = "/api/builder/edits"


@pytest.fixture(params=BASE_URLS.values(), ids=BASE_URLS)
def jp_base_url(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_file_comes_back_as_python_writes_it(call: Call, full_key: str) -> None:
    text = write_text(read_text(SUPPORT.read_text(encoding="utf-8")))
    answer = await call("POST", EDITS, key=full_key, body={"text": text})
    assert answer.status == 200
    assert answer.json["text"] == text, "nothing was changed"
    assert answer.json["doc"]["version"] == 1
    assert answer.json["findings"]["valid"] is True


async def test_an_edited_file_is_what_python_would_have_saved(call: Call, full_key: str) -> None:
    # 1.0 and this integer are not the same again after JavaScript has had them in its hands.
    agent = {"id": "a", "type": "agent", "data": {"name": "A", "temperature": 1.0, "seed": 2**60 + 1}}
    text = write_text(read_text(json.dumps({"name": "Numbers", "nodes": [agent], "edges": []})))
    change = {"op": "set_data", "node_id": "a", "field": "name", "value": "B"}
    answer = await call("POST", EDITS, key=full_key, body={"text": text, "changes": [change], "version": 4})
    assert answer.status == 200, answer.text
    assert answer.json["doc"]["version"] == 5
    edited = read_text(answer.json["text"])
    assert write_text(edited) == answer.json["text"]
    assert answer.json["text"] == text.replace('"name": "A"', '"name": "B"')


async def test_positions_that_stand_apart_in_a_file_are_drawn(call: Call, full_key: str) -> None:
    text = '{"name": "x", "nodes": [{"id": "s", "type": "start"}], "edges": [], "layout": {"s": [300, -40]}}'
    answer = await call("POST", EDITS, key=full_key, body={"text": text})
    (node,) = answer.json["doc"]["nodes"]
    assert (node["x"], node["y"]) == (300, -40)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "workflow", "is required"),
        ({"workflow": {"name": "x", **START_AGENT_END}, "text": "{}"}, "workflow", "exclude"),
        ({"text": {}}, "text", "must be a text"),
        ({"text": '{"name": "x",\n  "nodes": [}'}, "body", "line 2"),
        ({"text": '{"name": NaN}'}, "body", "NaN"),
        ({"text": '{"name": "\\ud800"}'}, "body", "surrogates"),
        ({"text": "[" * 200 + "]" * 200}, "body", "nested"),
    ],
)
async def test_what_is_no_workflow_is_refused(
    call: Call, full_key: str, body: dict[str, object], field: str, words: str
) -> None:
    answer = await call("POST", EDITS, key=full_key, body=body)
    assert answer.status == 400
    (fault,) = answer.json["details"]
    assert fault["field"] == field
    assert words in fault["error"]


async def test_the_node_types_of_each_kind_of_workflow(call: Call, full_key: str) -> None:
    builder = (await call("GET", "/api/builder/catalogue", key=full_key)).json["catalogue"]
    direct = (await call("GET", "/api/builder/catalogue", key=full_key, dialect="direct")).json["catalogue"]
    assert {"start", "agent", "router"} <= {kind["type"] for kind in builder}
    assert "prompt-trigger" in {kind["type"] for kind in direct}


async def test_the_page_is_a_shell_for_anybody(call: Call, jp_base_url: str) -> None:
    page = await call("GET", "/builder")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "_xsrf" in page.cookies, "what the page sends back with what it saves"
    assert f'data-base-url="{jp_base_url}"' in page.text
    assert "<style" not in page.text
    assert re.findall(r"<script(?! defer src=)", page.text) == []


async def test_the_page_s_files_are_kept_by_browsers(call: Call, jp_base_url: str) -> None:
    page = (await call("GET", "/builder")).text
    found = re.findall(r'(?:src|href)="([^"]*\?v=[0-9a-f]{20})"', page)
    assert [re.sub(r"\?.*", "", url) for url in found] == [
        f"{jp_base_url}builder/static/page.css",
        f"{jp_base_url}builder/static/page.js",
    ]
    for url in found:
        path = url.removeprefix(jp_base_url.rstrip("/"))
        file = await call("GET", path)
        assert file.status == 200
        assert "max-age=315360000" in file.headers["Cache-Control"]
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        plain = await call("GET", path.partition("?")[0], headers={"If-None-Match": file.headers["Etag"]})
        assert (plain.status, plain.headers["Cache-Control"]) == (304, "no-cache")


@pytest.mark.parametrize("name", ["package.json", "../package.json", "page.py", "page/../../package.json"])
async def test_nothing_else_is_served(call: Call, name: str) -> None:
    assert (await call("GET", f"/builder/static/{name}")).status in {403, 404}
