"""Functions as tools where there is no server: the process itself calls them."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pandas as pd
import pytest
from pydantic import BaseModel, Field

import builder_jupyter as bj
from builder_jupyter.client.client import Client
from builder_jupyter.client.function_tools import TOOLS, FunctionTool
from builder_jupyter.connectors.tool_schemas import spec_of
from builder_jupyter.errors import InvalidInput
from builder_jupyter.nodes.chat import ChatReply, ToolCall


class Address(BaseModel):
    street: str
    since: dt.date | None = None


@dataclass
class Offer:
    article: str
    price: float


@pytest.fixture(autouse=True)
def no_tools() -> Iterator[None]:
    before = TOOLS.all()
    TOOLS._tools = {}
    yield
    TOOLS._tools = dict(before)


def tool_node(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": "t", "type": "tool", "data": {"tool_name": name, "arguments": arguments}}


def code(text: str) -> dict[str, Any]:
    return {"id": "p", "type": "python", "data": {"code": text}}


def test_the_function_stays_what_it_is() -> None:
    @bj.tool
    def double(n: int) -> int:
        """Double a number."""
        return 2 * n

    assert double(4) == 8
    assert double.__name__ == "double"
    assert TOOLS.get("double") is not None


def test_what_a_model_is_shown() -> None:
    @bj.tool(name="book", description="Books a table.")
    def reserve(
        who: str, guests: Annotated[int, Field(ge=1, description="how many")] = 2, day: dt.date = dt.date(2026, 1, 31),
        where: Literal["inside", "outside"] | None = None, address: Address | None = None, note=None,
    ) -> str:  # fmt: skip
        return "never called here"

    found = TOOLS.get("book")
    assert found is not None
    spec = spec_of(found.name, found.description, found.schema)
    assert spec.to_dict() == {
        "name": "book",
        "description": "Books a table.",
        "parameters": {
            "who": {"type": "string", "required": True},
            "guests": {"type": "integer", "default": 2, "description": "how many"},
            "day": {"type": "string", "default": "2026-01-31"},
            "where": {"type": "string"},
            "address": {"type": "object"},
            "note": {"type": "any"},
        },
    }
    assert spec.json_schema()["$defs"]["Address"]["required"] == ["street"]
    assert spec.json_schema()["properties"]["guests"]["minimum"] == 1


def test_a_tool_node_calls_it_with_the_types_of_its_annotations(client: Client, chain: Any) -> None:
    seen: list[Any] = []

    @bj.tool
    def move(address: Address, day: dt.date, tags: list[str] | None = None) -> Offer:
        seen.append((address, day, tags, threading.current_thread() is threading.main_thread()))
        return Offer(address.street, 1.5)

    run = client.run(chain(tool_node("move", address={"street": "{{state.q}}"}, day="2026-02-01")), q="x", show=False)
    assert run["t"].result == {"article": "x", "price": 1.5}
    assert seen == [(Address(street="x"), dt.date(2026, 2, 1), None, False)]
    assert (run.trace["name"][0], run.trace.kind[0]) == ("move", "tool")


def test_an_async_function_and_a_dataframe(client: Client, chain: Any) -> None:
    @bj.tool
    async def sales(least: int = 0) -> pd.DataFrame:
        await asyncio.sleep(0)
        frame = pd.DataFrame({"n": [1, 2, 3]})
        return frame[frame.n > least]

    run = client.run(chain(tool_node("sales", least=1)), show=False)
    assert run["t"].result.n.tolist() == [2, 3]
    assert run["t"].text.startswith("2 rows: n")


def test_an_agent_calls_it(open_client: Callable[..., Client], chain: Any) -> None:
    @bj.tool
    def stock(article: str) -> int:
        """Say how many there are."""
        return {"pen": 7}[article]

    def reply(request: Any) -> Any:
        last = request.messages[-1]
        done = [m.content for m in request.messages if m.role == "tool"]
        if last.role == "tool" and len(done) == 2:
            return " and ".join(done)
        return ChatReply("", (ToolCall("c", "stock", {"article": "cup" if done else "pen"}),))

    client = open_client(reply)
    run = client.run(chain({"id": "a", "type": "agent", "data": {"prompt": "p", "tools": ["stock"]}}), show=False)
    assert run.text == "7 and Error: The tool 'stock' failed: KeyError: 'cup'"
    trace = run.trace
    assert trace.kind.tolist() == ["model", "tool", "model", "tool", "model"]
    assert trace.arguments[1] == {"article": "pen"}
    assert trace.error[3] == "The tool 'stock' failed: KeyError: 'cup'"
    assert trace.result[4] == run.text
    assert trace.output_tokens[4] > 0


def test_an_error_is_the_steps_and_says_no_more_than_its_last_line(client: Client, chain: Any) -> None:
    @bj.tool
    def fails() -> None:
        password = "hidden-4711"
        raise ValueError(f"of {len(password)} letters")

    run = client.run(chain(tool_node("fails")), show=False)
    assert run.error == {
        "message": "The tool 'fails' failed: ValueError: of 11 letters", "code": "TOOL_FAILED", "retryable": False,
        "stepId": "t",
    }  # fmt: skip
    (shown,) = run["t"].shown
    assert "raise ValueError" in shown["text/plain"]
    assert "run_tool" not in shown["text/plain"]


def test_arguments_that_do_not_fit(client: Client, chain: Any) -> None:
    called: list[Any] = []

    @bj.tool
    def pick(n: int, address: Address | None = None) -> None:
        called.append(n)

    flat = client.run(chain(tool_node("pick", n="a secret", other=1)), show=False)
    assert flat.error is not None
    assert flat.error["code"] == "TOOL_ARGUMENTS"
    deep = client.run(chain(tool_node("pick", n=1, address={"streets": "a secret"})), show=False)
    assert deep.error is not None
    assert "address.street: Field required" in deep.error["message"]
    assert "secret" not in f"{flat.error} {deep.error}"
    assert called == []


def test_names_that_are_taken_have_the_notebook_before_them(client: Client, chain: Any) -> None:
    @bj.tool
    def calculator(expression: str) -> str:
        return f"mine: {expression}"

    assert [tool["name"] for tool in client.tools()] == ["web_search", "calculator", "notebook.calculator"]
    assert client.resources() == []
    assert client.run(chain(tool_node("calculator", expression="1+1")), show=False)["t"].result == 2
    assert client.run(chain(tool_node("notebook.calculator", expression="1")), show=False)["t"].result == "mine: 1"


def test_defining_it_again_replaces_it_and_validation_knows_it(client: Client, chain: Any) -> None:
    workflow = chain(tool_node("fresh"))
    assert "UNKNOWN_TOOL" in [w["type"] for w in client.validate(workflow)["warnings"]]
    bj.tool(name="fresh")(lambda: 1)
    assert "UNKNOWN_TOOL" not in [w["type"] for w in client.validate(workflow)["warnings"]]
    bj.tool(name="fresh")(lambda: 2)
    assert client.run(workflow, show=False)["t"].result == 2


def test_cancelling_interrupts_it(client: Client, chain: Any) -> None:
    begun, ended = threading.Event(), threading.Event()

    @bj.tool
    def endless() -> None:
        begun.set()
        try:
            while True:
                threading.Event().wait(0.01)
        finally:
            ended.set()

    run = client.start(chain(tool_node("endless")))
    assert begun.wait(60)
    run.cancel()
    assert ended.wait(60)


def test_a_tool_may_run_a_workflow_that_needs_this_process_too(client: Client, chain: Any) -> None:
    @bj.tool
    def inner() -> Any:
        return client.run(chain({"id": "p", "type": "python", "data": {"code": "40 + 2"}}, name="in"), show=False)[
            "p"
        ].result

    outer = chain(code("1"), tool_node("inner"), name="out")
    assert client.run(outer, show=False)["t"].result == 42


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda *a: None, "cannot be given by name"),
        (lambda a, /: None, "cannot be given by name"),
        (lambda **a: None, "cannot be given by name"),
    ],
)
def test_functions_that_cannot_be_tools(function: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        bj.tool(name="x")(function)
    assert caught.value.code == "INVALID_TOOL"


def test_annotations_and_names_that_cannot_be_used() -> None:
    def odd(lock: threading.Thread) -> None: ...

    def unknown(x: NoSuchThing) -> None: ...  # noqa: F821

    for function in (odd, unknown):
        with pytest.raises(InvalidInput, match="annotations cannot be read"):
            bj.tool(function)
    with pytest.raises(InvalidInput, match="its name is"):
        bj.tool(lambda: 1)
    with pytest.raises(InvalidInput, match="no function"):
        FunctionTool(3, "three")  # type: ignore[arg-type]
    assert len(TOOLS) == 0
