"""Tools that a node may call by name: the box they lie in, and the two that are built in.

Arguments are checked once, in `Tool.call`, against the specification that the model was shown; a tool's own code may
rely on them.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, cast

from builder_jupyter.connectors.calculator import calculate
from builder_jupyter.connectors.tool_schemas import check_arguments
from builder_jupyter.errors import NotConfigured, StepError
from builder_jupyter.nodes.chat import ToolSpec

MAX_SEARCH_RESULTS = 50
MAX_TOLD = 20
_SETTING = "BuilderApp.search_provider"


@dataclass(frozen=True, slots=True)
class Tool:
    """A specification and the function that fulfils it.

    ``run`` gets arguments that match ``spec``, defaults filled in, and returns a JSON-like value. ``checks_itself``:
    only names and types are looked at here, and ``run`` checks the rest.
    """

    spec: ToolSpec
    run: Callable[[Mapping[str, Any]], Awaitable[Any]]
    checks_itself: bool = False

    async def call(self, arguments: Mapping[str, Any]) -> Any:
        """Check the arguments and run. Raises as `Toolbox.call`."""
        return await self.run(check_arguments(self.spec, arguments, flat=self.checks_itself))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One hit of a web search."""

    title: str
    url: str
    snippet: str = ""


class SearchProvider(Protocol):
    """What `web_search` asks; ``BuilderApp.search_provider`` names one. It is created without arguments."""

    async def search(self, query: str, max_results: int) -> Sequence[SearchResult]:
        """Return at most ``max_results`` hits, best first. Raise `ProviderError` when the service fails."""
        ...


class Toolbox:
    """Some tools, in the order given. `ValueError` when two have one name."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.spec.name: tool for tool in tools}
        if len(self._tools) != len(tools):
            raise ValueError("two tools have the same name")

    def tools(self) -> Sequence[Tool]:
        """Return the tools themselves, in the order in which they were given."""
        return tuple(self._tools.values())

    def specs(self) -> Sequence[ToolSpec]:
        """Return all tools on offer, in the order in which they were given."""
        return tuple(tool.spec for tool in self._tools.values())

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Check the arguments, run one tool and return its JSON-like value.

        Raises
        ------
        StepError : ``UNKNOWN_TOOL``; ``TOOL_ARGUMENTS`` with ``details`` a list of ``{field, error}``; or
            what the tool itself reports.
        NotConfigured : the tool needs something that is not set up.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise StepError(
                f"There is no tool {name[:80]!r}.",
                code="UNKNOWN_TOOL",
                hint=f"Known: {', '.join([*self._tools][:MAX_TOLD]) or 'none'}.",
            )
        return await tool.call(arguments)


WEB_SEARCH = ToolSpec(
    name="web_search",
    description="Search the web for information",
    parameters={
        "query": {"type": "string", "required": True},
        "max_results": {"type": "integer", "default": 10},
    },
)
CALCULATOR = ToolSpec(
    name="calculator",
    description="Perform mathematical calculations",
    parameters={"expression": {"type": "string", "required": True}},
)


def built_in_tools(search: SearchProvider | None = None) -> tuple[Tool, ...]:
    """Return `web_search` and `calculator`, exactly as ``GET /api/builder/tools`` lists them.

    Source: seed "Builder API", tools.
    """

    async def run_search(arguments: Mapping[str, Any]) -> Any:
        if search is None:
            raise NotConfigured(
                "The tool 'web_search' has no provider configured.",
                hint=f"Set {_SETTING} to the dotted path of a class with async search(query, max_results).",
            )
        wanted = arguments["max_results"]
        if not 1 <= wanted <= MAX_SEARCH_RESULTS:
            raise StepError(f"max_results lies between 1 and {MAX_SEARCH_RESULTS}.", code="TOOL_ARGUMENTS")
        found = await search.search(arguments["query"], wanted)
        return [asdict(result) for result in found[:wanted]]

    async def run_calculator(arguments: Mapping[str, Any]) -> Any:
        return calculate(arguments["expression"])

    return Tool(WEB_SEARCH, run_search), Tool(CALCULATOR, run_calculator)


def load_search_provider(dotted_path: str) -> SearchProvider:
    """Import a class by its dotted path, e.g. ``my_package.search.Provider``, and create one.

    Raises
    ------
    NotConfigured : there is no such module or class, or it has no method ``search``.
    """
    module_name, _, class_name = dotted_path.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise NotConfigured(
            f"The search provider {dotted_path!r} cannot be imported.",
            hint=f"{_SETTING} is the dotted path of a class, e.g. my_package.search.Provider.",
        ) from error
    if not callable(getattr(found, "search", None)):
        raise NotConfigured(
            f"The search provider {dotted_path!r} has no method search.",
            hint="It needs: async def search(self, query, max_results).",
        )
    return cast("SearchProvider", found())
