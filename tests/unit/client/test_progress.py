from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.client.feed import Feed
from builder_jupyter.client.progress import Silence, choose
from builder_jupyter.client.progress_notebook import NotebookProgress
from builder_jupyter.client.progress_terminal import TerminalProgress
from builder_jupyter.client.tables import harmless
from builder_jupyter.graph.model import Workflow

AGENT = {"id": "agent", "type": "agent", "data": {"name": "Ada", "prompt": "Be kind."}}


def picture(*steps: str, status: str = "completed") -> dict[str, Any]:
    row = {
        "visit": 1, "status": "pending", "startedAt": None, "finishedAt": None, "credits": 0, "usage": None,
        "text": None, "error": None, "outputs": {}, "nodeType": "agent", "skipReason": None,
    }  # fmt: skip
    return {
        "workflowName": "w", "status": status, "startedAt": 0, "finishedAt": 2000, "error": None, "waitingOn": None,
        "credits": {"charged": 1, "refunded": 0}, "steps": [{**row, "stepId": s, "name": s.title()} for s in steps],
    }  # fmt: skip


def token(step: str, text: str, offset: int = 0) -> dict[str, Any]:
    return {"kind": "token", "stepId": step, "visit": 1, "status": "streaming", "offset": offset, "text": text, "at": 1}


def step(name: str, status: str, at: int = 0, **more: Any) -> dict[str, Any]:
    return {"kind": "step", "stepId": name, "visit": 1, "status": status, "at": at, **more}


def test_lines_of_steps_that_speak_at_once_do_not_mix() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    progress._is_unicode = True
    progress.begin(picture("a", "b", "c"))
    progress.update([step("a", "running"), step("b", "running")])
    progress.update([token("a", "one "), token("b", "uno "), token("a", "two\nthree"), token("b", "dos")])
    progress.update([step("b", "completed", 500), step("c", "skipped", skipReason="branch_not_taken")])
    progress.update([step("a", "completed", 1500, outputs={}, usage={"inputTokens": 3, "outputTokens": 4})])
    progress.end(picture("a", "b", "c"))
    assert stream.getvalue().splitlines() == [
        "▸ A",
        "▸ B",
        "▸ A",
        "    one two",
        "    three",
        "✓ A  1.50 s, 3 + 4 tokens",
        "▸ B",
        "    uno dos",
        "✓ B  0.50 s",
        "– C  skipped: branch not taken",
        "✓ w: completed, 2.0 s, 1 credit",
    ]


def test_the_end_writes_what_is_held_back_and_why_it_failed() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    progress._is_unicode = True
    progress.begin(picture("a", "b"))
    progress.update([token("a", "cut o"), token("b", "waiting"), step("b", "error", error={"message": "Broken."})])
    progress.end({**picture("a", "b", status="error"), "error": {"message": "Broken."}})
    lines = stream.getvalue().splitlines()
    assert "✗ B  Broken." in lines
    assert lines[-1] == "✗ w: error, 2.0 s, 1 credit, Broken."


def test_a_terminal_without_unicode_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    progress = TerminalProgress(stream)
    progress.begin(picture("a"))
    progress.update([token("a", "naïve \x1b[2J"), step("a", "completed")])
    progress.end(picture("a"))
    assert raw.getvalue().decode("ascii").splitlines()[1] == "    na?ve [2J"


def test_control_characters_do_not_get_through() -> None:
    assert harmless("a\r\nb\x07\x1b]0;title\x9b\tc\x7f") == "a\nb]0;title\tc"


def test_a_notebook_gets_one_output_that_ends_as_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, bundle: dict[str, str], *, raw: bool) -> None:
            assert raw
            shown.append(bundle)

    def display(bundle: dict[str, str], **_kwargs: Any) -> Handle:
        shown.append(bundle)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    progress = NotebookProgress()
    given = picture("a")
    progress.begin(given)
    progress.update([step("a", "running"), token("a", "<i>hel"), token("a", "lo", 6)])
    assert "&lt;i&gt;hello" in shown[-1]["text/html"]
    progress.update([token("a", "<i>")])  # nothing new
    assert "&lt;i&gt;hello" in shown[-1]["text/html"]
    progress.update([step("a", "running", attempt=2), token("a", "<i>")])
    assert "hello" not in shown[-1]["text/html"]
    again = {**token("a", "anew"), "visit": 2}
    progress.update([step("a", "completed", 900, usage=None), again])
    assert "A #2" in shown[-1]["text/plain"]
    before = shown[-1]
    progress.update([step("a", "running"), token("a", "old")])  # from before the picture
    assert shown[-1] == before
    progress.end(picture("a"))
    assert shown[-1]["text/plain"] == "✓ w: completed, 2.0 s, 1 credit"
    assert given["steps"][0]["status"] == "pending"


def test_the_choice_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose(), Silence)
    assert isinstance(choose(show=False), Silence)
    assert isinstance(choose(show=True), TerminalProgress)
    monkeypatch.setattr("builder_jupyter.client.progress.in_kernel", lambda: True)
    assert isinstance(choose(), NotebookProgress)
    assert isinstance(choose(show=False), Silence)


def test_a_run_is_shown_where_one_asks(
    client: Client, chain: Callable[..., Workflow], capsys: pytest.CaptureFixture[str]
) -> None:
    client.run(chain(AGENT), "hello", show=True)
    shown = capsys.readouterr()
    assert "About: hello" in shown.err
    assert not shown.out


async def _batches(*batches: list[dict[str, Any]], error: Exception | None = None) -> AsyncGenerator[list[Any], None]:
    for batch in batches:
        yield batch
    if error is not None:
        raise error


async def _taken(feed: Feed) -> list[Any]:
    found: list[Any] = []
    while batch := await feed.take():
        found += batch
    return found


def test_a_feed_hands_over_everything_and_does_not_hold_up_the_end() -> None:
    async def work() -> list[Any]:
        feed = Feed(_batches([{"seq": 1}], [{"seq": 2}]), seconds=3600)
        async with asyncio.timeout(5):
            return await _taken(feed)

    assert asyncio.run(work()) == [{"seq": 1}, {"seq": 2}]


def test_a_feed_gives_out_what_came_before_an_error() -> None:
    async def work() -> None:
        feed = Feed(_batches([{"seq": 1}], error=ValueError("broken")), seconds=0)
        assert await feed.take() == [{"seq": 1}]
        with pytest.raises(ValueError, match="broken"):
            await feed.take()
        await feed.close()

    asyncio.run(work())


def test_a_feed_can_be_closed_while_it_waits() -> None:
    closed: list[bool] = []

    async def endless() -> AsyncGenerator[list[Any], None]:
        try:
            await asyncio.Event().wait()
            yield []
        finally:
            closed.append(True)

    async def work() -> None:
        feed = Feed(endless(), seconds=0)
        taking = asyncio.create_task(feed.take())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        taking.cancel()
        await feed.close()

    asyncio.run(work())
    assert closed == [True]
