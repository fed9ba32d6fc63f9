from __future__ import annotations

import asyncio
from typing import Any

import pytest

from builder_jupyter.connectors.tools import (
    SearchResult,
    Toolbox,
    built_in_tools,
    check_arguments,
    load_search_provider,
)
from builder_jupyter.errors import NotConfigured, StepError
from builder_jupyter.nodes.chat import ToolSpec


class FakeSearch:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def search(self, query: str, max_results: int) -> list[SearchResult]:
        self.asked.append((query, max_results))
        return [SearchResult(f"hit {n}", "about:blank") for n in range(20)]


def run(name: str, arguments: dict[str, Any], box: Toolbox | None = None) -> Any:
    return asyncio.run((box or Toolbox(built_in_tools())).call(name, arguments))


def test_built_ins_are_listed_as_published() -> None:
    listed = [
        {"name": s.name, "description": s.description, "parameters": s.parameters}
        for s in Toolbox(built_in_tools()).specs()
    ]
    assert listed == [
        {
            "name": "web_search",
            "description": "Search the web for information",
            "parameters": {
                "query": {"type": "string", "required": True},
                "max_results": {"type": "integer", "default": 10},
            },
        },
        {
            "name": "calculator",
            "description": "Perform mathematical calculations",
            "parameters": {"expression": {"type": "string", "required": True}},
        },
    ]


def test_calculator_is_called() -> None:
    assert run("calculator", {"expression": "6 * 7"}) == 42


def test_unknown_tool_names_the_known_ones() -> None:
    with pytest.raises(StepError, match="web_search, calculator") as caught:
        run("abacus", {})
    assert caught.value.code == "UNKNOWN_TOOL"


def test_all_faults_of_the_arguments_are_told_without_their_values() -> None:
    with pytest.raises(StepError) as caught:
        run("web_search", {"max_results": "secret", "extra": 1})
    assert caught.value.code == "TOOL_ARGUMENTS"
    assert {fault["field"] for fault in caught.value.details} == {"query", "max_results", "extra"}
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", "a", 1),
        ("integer", 1, True),
        ("integer", 10.0, 1.5),
        ("number", 1.5, False),
        ("boolean", True, 1),
        ("array", [1], "ab"),
        ("object", {"a": 1}, []),
    ],
)
def test_types(kind: str, good: Any, bad: Any) -> None:
    spec = ToolSpec("t", "", {"x": {"type": kind}})
    assert check_arguments(spec, {"x": good}) == {"x": good}
    with pytest.raises(StepError, match=f"not of type {kind}"):
        check_arguments(spec, {"x": bad})


def test_null_is_not_given_and_whole_floats_are_integers() -> None:
    spec = ToolSpec("t", "", {"n": {"type": "integer", "default": 10}, "o": {"type": "string"}})
    assert check_arguments(spec, {"n": None, "o": None}) == {"n": 10}
    assert isinstance(check_arguments(spec, {"n": 3.0})["n"], int)


def test_search_without_provider_names_the_setting() -> None:
    with pytest.raises(NotConfigured, match=r"no provider configured.*BuilderApp\.search_provider") as caught:
        run("web_search", {"query": "x"})
    assert caught.value.code == "NOT_CONFIGURED"


def test_search_fills_the_default_and_cuts_what_is_too_much() -> None:
    search = FakeSearch()
    found = run("web_search", {"query": "x"}, Toolbox(built_in_tools(search)))
    assert search.asked[-1] == ("x", 10)
    assert len(found) == 10
    assert found[0] == {"title": "hit 0", "url": "about:blank", "snippet": ""}
    with pytest.raises(StepError, match="between 1 and 50"):
        run("web_search", {"query": "x", "max_results": 0}, Toolbox(built_in_tools(search)))


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="same name"):
        Toolbox((*built_in_tools(), built_in_tools()[0]))


def test_search_provider_is_loaded_by_path() -> None:
    assert isinstance(load_search_provider(f"{__name__}.FakeSearch"), FakeSearch)
    assert isinstance(load_search_provider(f"{__name__}:FakeSearch"), FakeSearch)


@pytest.mark.parametrize("path", ["", "nothing", "no.such.Class", "json.NoClass", "json.JSONDecoder", ".x"])
def test_search_provider_that_is_none(path: str) -> None:
    with pytest.raises(NotConfigured):
        load_search_provider(path)
