"""Graphs of LangGraph's that are there as objects: what they say of themselves, and the source of their functions.

Attributes are looked at and source files are read; no function of the graph is called.
"""

from __future__ import annotations

import ast
import inspect
import logging
import textwrap
from collections.abc import Mapping
from functools import partial
from typing import Any

from builder_jupyter.codegen.reading.assemble import assemble
from builder_jupyter.codegen.reading.drafts import BranchDraft, EdgeDraft, GraphDraft, NodeDraft
from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.read import DESCRIPTION, Reading, read_code
from builder_jupyter.codegen.reading.report import Report
from builder_jupyter.codegen.reading.values import UNKNOWN, Attribute, Call, Function, Pipe, Scope, Symbol, Value
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.arrangements import arrange
from builder_jupyter.graph.model import Workflow

log = logging.getLogger(__name__)

_NOWHERE = ast.Call(ast.Name("compiled"), [], [], lineno=0)
_MODEL_NAMES = ("model", "model_name", "model_id", "deployment_name")


def from_langgraph(graph: Any, *, name: str | None = None, layout: str = "hierarchical") -> Workflow:
    """Return a workflow of a LangGraph graph: a compiled one, a ``StateGraph``, or the source text of a module.

    Nothing of it is run. What the workflow does not say as the graph does is logged as a warning, a line each;
    `read_graph` returns it.

    Parameters
    ----------
    name : of the workflow; otherwise the graph's own.
    layout : how nodes without a place are placed: ``hierarchical``, ``force`` or ``grid``.

    Raises
    ------
    InvalidInput : ``NOT_A_GRAPH``; ``INVALID_CODE`` for a text that is no Python.
    """
    reading = read_graph(graph, name=name, layout=layout)
    for note in reading.report:
        log.warning("%s%s: %s", f"line {note.line}: " if note.line else "", note.what, note.why)
    return reading.workflow


def read_graph(graph: Any, *, name: str | None = None, layout: str = "hierarchical") -> Reading:
    """Return the workflow of a graph as `from_langgraph` does, with the report."""
    if isinstance(graph, str):
        reading = read_code(graph, layout)
        return reading if name is None else Reading(_renamed(reading.workflow, name), reading.report)
    builder = getattr(graph, "builder", graph)
    if not all(isinstance(getattr(builder, part, None), kind) for part, kind in (("nodes", dict), ("edges", set))):
        raise InvalidInput(
            f"This is no graph of LangGraph's, but {type(graph).__name__}.",
            code="NOT_A_GRAPH",
            hint="Give a StateGraph, what its compile() returns, or the source text of a module.",
        )
    report = Report()
    program = Program(report)
    own = getattr(graph, "name", None)
    title = name or (own if isinstance(own, str) and own not in ("", "LangGraph") else "imported_workflow")
    workflow = assemble(_draft(builder, report), program, name=title, description=DESCRIPTION)
    return Reading(arrange(workflow, layout), report.notes)


def _renamed(workflow: Workflow, name: str) -> Workflow:
    return Workflow(name, workflow.nodes, workflow.edges, workflow.description, workflow.metadata)


def _draft(builder: Any, report: Report) -> GraphDraft:
    made = Call(Symbol("langgraph.graph.StateGraph"), [], {}, _NOWHERE)
    draft = GraphDraft(_NOWHERE, "", made, report)
    for name, spec in builder.nodes.items():
        ends = getattr(spec, "ends", ())
        destinations = dict(ends) if isinstance(ends, Mapping) else list(ends)
        action = _action(getattr(spec, "runnable", None), deep=True)
        where = action.node if isinstance(action, Function) else _NOWHERE
        draft.nodes[name] = NodeDraft(name, action, where, destinations or UNKNOWN)
    waiting = [(source, target) for sources, target in sorted(builder.waiting_edges) for source in sources]
    order = {name: place for place, name in enumerate(["__start__", *builder.nodes])}
    for source, target in sorted([*builder.edges, *waiting], key=lambda e: [order.get(end, len(order)) for end in e]):
        draft.edges.append(EdgeDraft(source, target, _NOWHERE))
    for source, branches in builder.branches.items():
        for branch in branches.values():
            path = _action(branch.path)
            where = path.node if isinstance(path, Function) else _NOWHERE
            ends = UNKNOWN if branch.ends is None else dict(branch.ends)
            draft.branches.append(BranchDraft(source, path, ends, where))
    return draft


def _action(runnable: Any, *, deep: bool = False) -> Value:
    """Return what a runnable of LangGraph's or LangChain's wraps; ``deep`` if functions of theirs are worth reading."""
    if any(kind.__name__ == "ToolNode" for kind in type(runnable).__mro__):
        return value_of(runnable)
    function = getattr(runnable, "func", None) or getattr(runnable, "afunc", None)
    if deep and inspect.isfunction(function) and not function.__module__.startswith("langgraph"):
        return _function(function)
    return value_of(runnable if function is None else function)


class LiveScope(Scope):
    """The names that a function of a running program sees: its own, those of its module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        found = inspect.getclosurevars(function) if inspect.isfunction(function) else None
        self._live: dict[str, Any] = {**function.__globals__, **found.nonlocals} if found is not None else {}

    def find(self, name: str) -> Value:
        """Return what a name stands for, looked up when it is asked for."""
        if name not in self.names:
            self.names[name] = value_of(self._live[name]) if name in self._live else Symbol(name)
        return self.names[name]


def value_of(thing: Any, levels: int = 4) -> Value:  # noqa: PLR0911
    """Return an object of a running program as a value: constants as they are, models and tools as calls."""
    if thing is None or isinstance(thing, str | int | float | bool):
        return thing
    if isinstance(thing, list | tuple):
        return [value_of(item, levels - 1) for item in thing[:100]] if levels else UNKNOWN
    if isinstance(thing, dict):
        pairs = [pair for pair in list(thing.items())[:100] if isinstance(pair[0], str)]
        return {key: value_of(item, levels - 1) for key, item in pairs} if levels else UNKNOWN
    if isinstance(thing, partial):
        inner = value_of(thing.func)
        given = {key: value_of(item) for key, item in thing.keywords.items()}
        return Function(inner.node, inner.scope, inner.owner, given) if isinstance(inner, Function) else UNKNOWN
    if inspect.ismethod(thing):
        inner = value_of(thing.__func__)
        owner = Symbol(type(thing.__self__).__name__)
        return Function(inner.node, inner.scope, owner) if isinstance(inner, Function) else UNKNOWN
    if inspect.isfunction(thing):
        is_theirs = thing.__module__.partition(".")[0].startswith(("langgraph", "langchain"))
        return Symbol(f"{thing.__module__}.{thing.__name__}") if is_theirs else _function(thing)
    if inspect.ismodule(thing) or inspect.isclass(thing):
        return Symbol(thing.__name__)
    return _object(thing, levels)


def _function(function: Any) -> Value:
    """Return a function by its source; by its name alone where there is none, as in a prompt."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return Symbol(f"{function.__module__}.{function.__name__}")
    ast.increment_lineno(tree, first - 1)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    named = [n for n in found if getattr(n, "name", "<lambda>") == function.__name__]
    is_clear = len(named) == 1 or (named and not isinstance(named[0], ast.Lambda))
    return Function(named[0], LiveScope(function)) if is_clear else Symbol(f"{function.__module__}.{function.__name__}")


def _object(thing: Any, levels: int) -> Value:  # noqa: PLR0911
    """Return an object as the call that would make it: a model with its name, a tool with its own, a chain as such."""
    kind = type(thing)
    callee = Symbol(f"{kind.__module__}.{kind.__name__}")
    kinds = {each.__name__ for each in kind.__mro__}
    if not levels:
        return callee
    if "BaseTool" in kinds:
        return Call(Symbol("tool"), [], {"name": str(thing.name)}, _NOWHERE)
    if "ToolNode" in kinds:
        return Call(Symbol("ToolNode"), [[value_of(tool) for tool in thing.tools_by_name.values()]], {}, _NOWHERE)
    if "BaseChatModel" in kinds:
        fields = vars(thing)
        name = next((fields[field] for field in _MODEL_NAMES if isinstance(fields.get(field), str)), None)
        return Call(callee, [], {"model": name, "temperature": fields.get("temperature")}, _NOWHERE)
    if "RunnableBinding" in kinds:
        bound = Attribute(value_of(thing.bound, levels - 1), "bind_tools")
        return Call(bound, [value_of(thing.kwargs.get("tools", []), levels - 1)], {}, _NOWHERE)
    if "RunnableSequence" in kinds:
        return Pipe([value_of(step, levels - 1) for step in thing.steps])
    if "SystemMessage" in kinds:
        return Call(Symbol("SystemMessage"), [thing.content], {}, _NOWHERE)
    if "ChatPromptTemplate" in kinds:
        return [value_of(message, levels - 1) for message in thing.messages]
    if "SystemMessagePromptTemplate" in kinds:
        return Call(Symbol("SystemMessage"), [getattr(thing.prompt, "template", None)], {}, _NOWHERE)
    return callee
