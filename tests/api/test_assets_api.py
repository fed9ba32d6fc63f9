"""Files over REST: uploaded, listed, read and deleted; and nothing in them can be run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from media_peer import PNG, WAV
from server import CANVAS, Call

from builder_jupyter.nodes.media_types import KNOWN_TYPES

ASSETS = "/api/builder/assets"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def upload(call: Call, key: str, content: bytes = PNG, kind: str = "image/png", **query: Any) -> Any:
    return await call(
        "POST", ASSETS, key=key, raw=content, headers={"Content-Type": kind}, **{"fileName": "a.png"} | query
    )


async def test_a_file_goes_there_and_back(call: Call, full_key: str, foreign_key: str) -> None:
    made = await upload(call, full_key, fileName='ümlaut "x".png')
    assert made.status == 201, made.text
    assert {name: made.json[name] for name in ("mimeType", "size", "width", "height", "canvasId")} == {
        "mimeType": "image/png", "size": len(PNG), "width": 256, "height": 256, "canvasId": None,
    }  # fmt: skip
    one = f"{ASSETS}/{made.json['id']}"
    assert made.json["url"] == one
    read = await call("GET", one, key=full_key)
    assert (read.status, read.body) == (200, PNG)
    headers = read.headers
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''%C3%BCmlaut%20%22x%22.png"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "sandbox" in headers["Content-Security-Policy"]
    listed = await call("GET", ASSETS, key=full_key)
    assert listed.json == {"assets": [made.json]}

    for method in ("GET", "DELETE"):
        assert (await call(method, one, key=foreign_key)).status == 404
    assert (await call("GET", ASSETS, key=foreign_key)).json == {"assets": []}
    assert (await call("DELETE", one, key=full_key)).json == {"ok": True}
    assert (await call("GET", one, key=full_key)).json["code"] == "ASSET_NOT_FOUND"


async def test_svg_is_saved_and_never_shown_as_a_page(call: Call, full_key: str) -> None:
    made = await upload(call, full_key, SVG, "image/svg+xml", fileName="x.svg")
    read = await call("GET", f"{ASSETS}/{made.json['id']}", key=full_key)
    assert read.headers["Content-Disposition"] == "attachment; filename*=UTF-8''x.svg"
    assert "script-src" not in read.headers["Content-Security-Policy"]


async def test_files_of_a_canvas(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> None:
    canvas = await save(CANVAS)
    made = await upload(call, full_key, WAV, "audio/wav", canvasId=canvas)
    assert made.json["durationSeconds"] == 0.5
    await upload(call, full_key)
    assert [one["id"] for one in (await call("GET", ASSETS, key=full_key, canvasId=canvas)).json["assets"]] == [
        made.json["id"]
    ]
    assert (await upload(call, full_key, canvasId="wf_000000000000")).status == 404


@pytest.mark.parametrize(
    ("content", "kind", "name", "status", "code"),
    [
        (b"", "image/png", "a.png", 400, "EMPTY_FILE"),
        (PNG, "text/html", "a.html", 400, "UNSUPPORTED_MEDIA_TYPE"),
        (b"<script>", "image/png", "a.png", 400, "NOT_THAT_MEDIA_TYPE"),
        (PNG, "image/png", "a\r\nSet-Cookie: x", 400, "INVALID_FILE_NAME"),
        (PNG + bytes(20 * 2**20), "image/png", "a.png", 413, "FILE_TOO_LARGE"),
    ],
)
async def test_what_is_refused(
    call: Call, full_key: str, content: bytes, kind: str, name: str, status: int, *, code: str
) -> None:
    refused = await upload(call, full_key, content, kind, fileName=name)
    assert (refused.status, refused.json["code"]) == (status, code)
    assert (await call("GET", ASSETS, key=full_key)).json == {"assets": []}


async def test_each_scope_does_its_own(call: Call, make_key: Callable[..., str], full_key: str) -> None:
    one = f"{ASSETS}/{(await upload(call, full_key)).json['id']}"
    needed = {("GET", ASSETS): "read:assets", ("GET", one): "read:assets", ("DELETE", one): "delete:assets"}
    for scope in ("read:assets", "write:assets", "delete:assets"):
        key = make_key(scope)
        assert ((await upload(call, key)).status == 201) is (scope == "write:assets")
        for (method, path), wanted in needed.items():
            assert ((await call(method, path, key=key)).status == 200) is (scope == wanted), (scope, method, path)


async def test_any_bytes_of_any_type_get_an_answer(call: Call, full_key: str) -> None:
    made: list[tuple[bytes, str]] = []

    @settings(
        max_examples=150, derandomize=True, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.binary(max_size=60), st.sampled_from([*KNOWN_TYPES, "x", "image/png;;", "\xe9"]))
    def collect(content: bytes, kind: str) -> None:
        made.append((content, kind))

    collect()
    for content, kind in made:
        answer = await upload(call, full_key, content, kind)
        assert answer.status in {201, 400}, (content, kind, answer.text)
