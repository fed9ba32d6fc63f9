"""Tools that a node may call by name: the box they lie in, and the two that are built in.

Arguments are checked once, in `Toolbox.call`, against the specification that the model was shown; a tool's
own code may rely on them.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, cast

from builder_jupyter.connectors.calculator import calculate
from builder_jupyter.errors import NotConfigured, StepError
from builder_jupyter.nodes.chat import ToolSpec

MAX_SEARCH_RESULTS = 50
_SETTING = "BuilderApp.search_provider"


@dataclass(frozen=True, slots=True)
class Tool:
    """A specification and the function that fulfils it.

    ``run`` gets arguments that match ``spec.parameters``, defaults filled in, and returns a JSON-like value.
    """

    spec: ToolSpec
    run: Callable[[Mapping[str, Any]], Awaitable[Any]]


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
    """The tools on offer, in the order given. `ValueError` when two have one name."""

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self._tools = {tool.spec.name: tool for tool in tools}
        if len(self._tools) != len(tools):
            raise ValueError("two tools have the same name")

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
                hint=f"Known: {', '.join(self._tools) or 'none'}.",
            )
        return await tool.run(check_arguments(tool.spec, arguments))


def check_arguments(spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with defaults filled in, or say everything that is wrong with them.

    None counts as not given, because models write it for what they leave out; ``10.0`` counts as an integer,
    as in JSON Schema. Values never enter the message.

    Raises
    ------
    StepError : ``code="TOOL_ARGUMENTS"``.
    """
    faults = [(name, "is not a parameter") for name in arguments if name not in spec.parameters]
    checked: dict[str, Any] = {}
    for name, about in spec.parameters.items():
        value = arguments.get(name)
        if value is None:
            if about.get("required"):
                faults.append((name, "is required"))
            elif "default" in about:
                checked[name] = about["default"]
            continue
        kind = about.get("type", "any")
        if kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not _CHECKS.get(kind, _anything)(value):
            faults.append((name, f"is not of type {kind}"))
        checked[name] = value
    if faults:
        sentence = "; ".join(f"{name[:80]} {fault}" for name, fault in faults)
        raise StepError(
            f"The arguments of the tool {spec.name!r} are wrong: {sentence}.",
            code="TOOL_ARGUMENTS",
            details=[{"field": name[:80], "error": fault} for name, fault in faults],
        )
    return checked


def _anything(_value: object) -> bool:
    return True


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
}

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
