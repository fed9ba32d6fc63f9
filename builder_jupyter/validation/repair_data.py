"""Fixes that change what nodes and edges say: a type, a name, a label, an expression, a pattern.

Only where what was meant can be told: nothing is made up, no prompt and no code.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.algorithms import reachable
from builder_jupyter.graph.dialects.faults import MAX_PATTERN, Faults
from builder_jupyter.graph.model import thaw
from builder_jupyter.graph.templates import parse_path
from builder_jupyter.nodes.patterns import pattern_fault, read_conditions
from builder_jupyter.nodes.python import fault_of
from builder_jupyter.validation.finding import Fix
from builder_jupyter.validation.repair_shape import may_be_started
from builder_jupyter.validation.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from builder_jupyter.graph.model import Edge, Node
    from builder_jupyter.validation.facts import Facts

PROMPT_NAMES = ("system_prompt", "systemPrompt", "system_message", "systemMessage", "system", "instructions")
"""What other tools call an agent's prompt."""

MAX_LABELS = 5


def know_type(facts: Facts, node: Node) -> Iterator[Fix]:
    """Write a type as it is registered, where the node then does no harm."""
    meant = Spelling(kind.type for kind in facts.registry.of(facts.workflow.profile)).closest(node.type)
    faults = Faults()
    if meant is not None:
        facts.dialect.check_data(meant, node.data, "data", faults)
        if not faults.found and _MAY_BECOME.get(meant, _anywhere)(facts, node):
            wire = facts.dialect.write_node(replace(node, type=meant))
            change = {"op": "replace_node", **facts.which_node(node), "node": wire}
            yield Fix(f"Make {node.id!r} a node of type {meant!r}", (change,))


def find_prompt(facts: Facts, node: Node) -> Iterator[Fix]:
    """Take a prompt that stands under another name; without one nobody knows what the agent is to do."""
    for name in PROMPT_NAMES:
        text = node.data.get(name)
        if isinstance(text, str) and text.strip():
            yield Fix(f"Use {name!r} as the prompt of {node.id!r}", (_setting(facts, node, "prompt", text),))
            return


def know_tool(facts: Facts, node: Node, name: str) -> Iterator[Fix]:
    """Name the tool that is meant, or give an agent one tool less."""
    meant = facts.tools.closest(name)
    if node.type == "tool":
        if meant is not None:
            yield Fix(f"Use the tool {meant!r} instead", (_setting(facts, node, "tool_name", meant),))
        return
    tools = node.data["tools"]
    if meant is not None:
        right = list(dict.fromkeys(meant if tool == name else tool for tool in tools))
        yield Fix(f"Use the tool {meant!r} instead", (_setting(facts, node, "tools", right),))
    left = [tool for tool in tools if tool != name]
    yield Fix(f"Take {name!r} off the tools of {node.id!r}", (_setting(facts, node, "tools", left),))


def find_tool_name(facts: Facts, node: Node) -> Iterator[Fix]:
    """Take the tool's name from where it may stand by mistake."""
    for field in ("tool", "toolName", "name"):
        name = node.data.get(field)
        if isinstance(name, str) and facts.tool_names is not None and name in facts.tool_names:
            yield Fix(f"Call the tool {name!r}", (_setting(facts, node, "tool_name", name),))
            return


def take_default(facts: Facts, node: Node) -> Iterator[Fix]:
    """Let one of a router's ways out be the one that is taken when nothing matches."""
    labels = dict.fromkeys(edge.route_label for edge in facts.outgoing[node.id] if edge.route_label)
    for label in labels if len(labels) <= MAX_LABELS else ():
        yield Fix(f"Take {label!r} when nothing matches", (_setting(facts, node, "default", label),))


def relabel_edge(facts: Facts, edge: Edge, known: Collection[str]) -> Iterator[Fix]:
    """Give an edge the label that is meant, or a human the option that it names."""
    node, label = facts.nodes[edge.source], edge.route_label or ""
    meant = Spelling(sorted(known)).closest(label)
    if meant is not None:
        yield _labelled(facts, edge, meant)
    elif node.type == "human":
        given = node.data.get("options")
        options = [*(given if isinstance(given, tuple) else ()), label]
        yield Fix(f"Give {node.id!r} the option {label!r}", (_setting(facts, node, "options", options),))


def draw_condition(facts: Facts, node: Node, label: str, known: Collection[str]) -> Iterator[Fix]:
    """Give the label of a condition without an edge to an edge whose label is next to it."""
    for edge in facts.outgoing[node.id]:
        given = edge.route_label
        if given is not None and given not in known and Spelling([label]).closest(given) == label:
            yield _labelled(facts, edge, label)
            return


def quote_pattern(facts: Facts, node: Node, label: str, pattern: str) -> Iterator[Fix]:
    """Look for the text itself, where it is no regular expression at all: ``C++``, ``(see below``."""
    literal = re.escape(pattern)
    if _is_regular(pattern) or len(literal) > MAX_PATTERN or pattern_fault(literal) is not None:
        return
    conditions = thaw(node.data["conditions"])
    for item in conditions:
        if isinstance(item, dict) and (item.get("label", ""), item.get("pattern")) == (label, pattern):
            item["pattern"] = literal
    yield Fix(f"Look for the text {_shown(pattern)} itself", (_setting(facts, node, "conditions", conditions),))


def write_expression(facts: Facts, node: Node, field: str, text: str) -> Iterator[Fix]:
    """Write an expression in the grammar, where it says the same in another notation."""
    path = intended(text)
    if path is None:
        return
    if field == "output":
        value: Any = path
    else:
        value = _rewritten(node.data.get(field), lambda whole: whole.replace(text, f"{{{{{path}}}}}"))
    yield Fix(f"Write {path}", (_setting(facts, node, field, value),))


def read_instead(facts: Facts, node: Node, field: str, path: str, meant: str | None) -> Iterator[Fix]:
    """Read the result that is meant, where a node's name was misspelt."""
    if meant is None:
        return
    old = re.compile(re.escape(path) + r"(?![A-Za-z0-9_])")
    value = _rewritten(node.data[field], lambda text: old.sub(meant, text))
    yield Fix(f"Read {meant} instead", (_setting(facts, node, field, value),))


def _rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    """Return a JSON-like value with all its texts rewritten; keys stay."""
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, Mapping):
        return {key: _rewritten(item, rewrite) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rewritten(item, rewrite) for item in value]
    return value


_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_QUOTED_STEP = re.compile(rf"""\s*(?:\[|\.get\()\s*(?:"({_NAME})"|'({_NAME})')\s*[\])]""")
_SPACED = re.compile(r"\s*([.\[\]])\s*")


def intended(text: str) -> str | None:
    """Return the path that ``state["x"]``, ``state.get("x")``, ``{{ state . x }}`` or ``messages[-1]`` means.

    None where that is not clear, and where the text is plain text.
    """
    bare = text.strip().lstrip("{$").rstrip("}").strip()
    bare = _QUOTED_STEP.sub(lambda step: f".{step[1] or step[2]}", bare)
    bare = _SPACED.sub(r"\1", bare)
    if bare.partition(".")[0] in ("State", "STATE"):
        bare = f"state{bare[5:]}"
    elif re.match(r"(messages\[|results\.)", bare):
        bare = f"state.{bare}"
    return bare if parse_path(bare) is not None else None


def _labelled(facts: Facts, edge: Edge, label: str) -> Fix:
    if edge.label is not None and edge.label.strip():
        renamed = replace(edge, label=label)
    elif edge.source_port is not None and edge.source_port.strip():
        renamed = replace(edge, source_port=label)
    else:
        renamed = replace(edge, condition=label)
    wire = facts.dialect.write_edge(renamed)
    change = {"op": "replace_edge", **facts.which_edge(edge), "edge": wire}
    return Fix(f"Label the edge from {edge.source!r} to {edge.target!r} {label!r}", (change,))


def _setting(facts: Facts, node: Node, field: str, value: Any) -> dict[str, Any]:
    return {"op": "set_data", **facts.which_node(node), "field": field, "value": value}


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _is_regular(pattern: str) -> bool:
    """Say whether Python takes a pattern: one that only RE2 refuses (a look-ahead) was no plain text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _anywhere(facts: Facts, node: Node) -> bool:
    del facts, node
    return True


def _as_start(facts: Facts, node: Node) -> bool:
    """Say whether everything is led to from this node, and nothing leads to it."""
    if facts.has_start or facts.is_shared(node.id) or facts.incoming[node.id]:
        return False
    reached = reachable(facts.successors, [node.id])
    must = (i for i, other in facts.nodes.items() if other.type == "end" or i in facts.connected)
    return reached.issuperset(must) and may_be_started(facts)


def _as_end(facts: Facts, node: Node) -> bool:
    running = facts.reached if facts.has_start else facts.nodes
    return not facts.is_shared(node.id) and not facts.successors[node.id] and node.id in running


def _as_router(facts: Facts, node: Node) -> bool:
    faults = (pattern_fault(condition.pattern) for condition in read_conditions(node.data))
    return node.id not in facts.looping and not any(faults)


def _as_python(facts: Facts, node: Node) -> bool:
    del facts
    code = node.data.get("code")
    return isinstance(code, str) and bool(code.strip()) and fault_of(code) is None


_MAY_BECOME: Mapping[str, Callable[[Facts, Node], bool]] = {
    "start": _as_start,
    "end": _as_end,
    "router": _as_router,
    "python": _as_python,
}
"""Types that not every node can take without harm, and when one can."""
