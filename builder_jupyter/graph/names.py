"""Names that Python accepts, made from texts that people type: of graph nodes, functions and files.

A node's *graph name* is its name in LangGraph and the name of its function in generated code. The engine orders what a
step sees by it, so that both show the same (docs/engine.md). Names depend on the workflow alone: not on options, not on
the Python that runs. Source: spec langgraph-builder §5, §6.2.
"""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from collections import Counter

from builder_jupyter.graph.model import Node, Workflow
from builder_jupyter.graph.templates import find_roots, output_root

MAX_NAME = 60
MAX_STEM = 64

STATE_KEYS = ("messages", "results", "output")
"""The keys of the state that every workflow has; others are inputs that templates name."""

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHERS = re.compile(r"[^A-Za-z0-9]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Written out because `dir(builtins)` has more names under IPython and in other versions of Python.
_BUILTINS = _words(
    "abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex "
    "copyright credits delattr dict dir display divmod enumerate eval exec exit filter float format frozenset getattr "
    "globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview "
    "min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted "
    "staticmethod str sum super tuple type vars zip"
)
_KEYWORDS = frozenset({*map(str.lower, keyword.kwlist), *keyword.softkwlist, "lazy", "type"})
_MODULE_NAMES = _words(
    "add_messages answer_text answer_with_tools app as_dict as_text asyncio call_mcp_tool call_tool dispatch "
    "extend first_match first_place follow get_model init_chat_model interrupt joined json langchain "
    "langchain_core langchain_mcp_adapters langgraph last last_text lookup message message_at message_text opening "
    "operator re readable run_tool seen state text_of trail traversal typing visit without workflow wraps"
)

RESERVED = _BUILTINS | _KEYWORDS | _MODULE_NAMES | frozenset(STATE_KEYS)
"""What no graph node may be called: generated code uses these names itself."""


def snake(text: str) -> str:
    """Return a text as ``snake_case`` of ASCII letters and digits; ``""`` when none are left.

    >>> snake("HTTPServer"), snake("naïve Café 2")
    ('http_server', 'naive_cafe_2')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _OTHERS.sub("_", _WORD_ENDS.sub("_", plain)).strip("_").lower()


def module_filename(name: str) -> str:
    """Return the file name of a workflow's module; ``workflow.py`` when the name has nothing to make one from.

    A module that hides one of the standard library, or one that it imports itself, could not be imported where it lies.
    """
    stem = snake(name)[:MAX_STEM].strip("_") or "workflow"
    if stem[0].isdigit():
        stem = f"workflow_{stem}"
    if stem in _KEYWORDS or stem in sys.stdlib_module_names or stem.startswith(("langgraph", "langchain")):
        stem = f"{stem}_workflow"
    return f"{stem[:MAX_STEM].strip('_')}.py"


def is_graph_node(node: Node) -> bool:
    """Say whether a node becomes a node of the graph: a start and an end without output do not."""
    if node.type == "end":
        output = node.data.get("output", "")
        return isinstance(output, str) and bool(output.strip())
    return node.type != "start"


def input_keys(workflow: Workflow) -> list[str]:
    """Return the inputs that templates name (``query`` of ``{{state.query}}``), in order of appearance."""
    found: dict[str, None] = {}
    for node in workflow.nodes:
        if node.type == "tool":
            found.update(dict.fromkeys(find_roots(node.data.get("arguments"))))
        elif node.type == "end" and is_graph_node(node):
            found.update(dict.fromkeys(output_root(str(node.data["output"]))))
    return [name for name in found if name not in STATE_KEYS]


def graph_names(workflow: Workflow) -> dict[str, str]:
    """Return the graph name of each node that has one, by node id, in request order. No name is taken twice."""
    refused = RESERVED | frozenset(input_keys(workflow))
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    names: dict[str, str] = {}
    for node in workflow.nodes_by_id.values():
        counts[node.type] += 1
        if not is_graph_node(node):
            continue
        wanted = _wanted(node, counts[node.type], refused)
        name = wanted
        while name in taken:
            tried[wanted] += 1
            name = f"{wanted}_{tried[wanted] + 1}"
        taken.add(name)
        names[node.id] = name
    return names


def _wanted(node: Node, number: int, refused: frozenset[str]) -> str:
    """Return the name a node would have if it were alone; ``number`` counts the nodes of its type."""
    given = node.data.get("name")
    base = snake(given) if isinstance(given, str) else ""
    base = base or snake(node.id) or f"{snake(node.type) or 'node'}_{number}"
    base = base[:MAX_NAME].strip("_")
    if base[0].isdigit():
        base = f"node_{base}"
    return f"{base}_node" if base in refused else base
