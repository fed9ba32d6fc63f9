"""The reader of a module: which graph is meant, what it is called, and where its nodes are drawn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from builder_jupyter.codegen.reading.agents import PREBUILT, agent_data
from builder_jupyter.codegen.reading.assemble import annotated_fields, assemble
from builder_jupyter.codegen.reading.drafts import BUILDERS, Compiled, GraphDraft
from builder_jupyter.codegen.reading.own import is_own, read_own
from builder_jupyter.codegen.reading.program import Exhausted, Program
from builder_jupyter.codegen.reading.report import Note, Report
from builder_jupyter.codegen.reading.source import parse, too_deep, unreadable
from builder_jupyter.codegen.reading.values import Call, Function, within
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.arrangements import ARRANGEMENTS, arrange
from builder_jupyter.graph.dialects.faults import MAX_DESCRIPTION, MAX_NAME
from builder_jupyter.graph.model import Edge, FrozenDict, Node, Workflow, freeze

DESCRIPTION: Final = "Imported from LangGraph code."
NAME: Final = "imported_workflow"


@dataclass(frozen=True, slots=True)
class Reading:
    """A workflow that was read, and what was not understood."""

    workflow: Workflow
    report: tuple[Note, ...]


def read_code(code: Any, arrangement: str | None = None) -> Reading:
    """Read a module of Python that builds a graph of LangGraph's. Nothing of it is run or imported.

    Parameters
    ----------
    arrangement : of `ARRANGEMENTS`; places the nodes that the code gives no place. None leaves them without.

    Returns
    -------
    What we generated equals the workflow it was generated from. Of other modules the report has what a workflow cannot
    say or what is not understood, by line; a module without a graph gives a workflow without nodes.

    Raises
    ------
    InvalidInput : ``INVALID_CODE``, field ``code`` or ``layout``.

    Source: spec langgraph-builder §7.
    """
    if arrangement is not None and arrangement not in ARRANGEMENTS:
        raise unknown_arrangement()
    module = parse(code)
    report = Report()
    try:
        workflow = _read(module, report)
    except RecursionError:
        raise too_deep() from None
    except Exhausted:
        raise unreadable("must not take so many steps to follow") from None
    if arrangement is not None:
        workflow = arrange(workflow, arrangement)
    return Reading(workflow, report.notes)


def unknown_arrangement() -> InvalidInput:
    """Return the error for an arrangement that does not exist."""
    reason = f"must be one of {', '.join(ARRANGEMENTS)}"
    return InvalidInput("Invalid layout", code="INVALID_CODE", details=[{"field": "layout", "error": reason}])


def _read(module: ast.Module, report: Report) -> Workflow:
    if is_own(module) and (own := read_own(module, report)) is not None:
        return own
    program = Program(report)
    program.follow(module)
    description = (ast.get_docstring(module) or DESCRIPTION)[:MAX_DESCRIPTION]
    graph = chosen_graph(program)
    name = (_created_name(graph, module) or NAME)[:MAX_NAME]
    if graph is not None:
        workflow = assemble(graph, program, name=name, description=description)
    else:
        workflow = _prebuilt(program, Workflow(name, description=description))
    fields = annotated_fields(module)
    return replace(workflow, metadata=FrozenDict(state=fields)) if fields else workflow


def chosen_graph(program: Program) -> GraphDraft | None:
    """Return the graph that is meant: the one compiled last; without any, the largest. Says so where there are several.

    A graph that is a node of another is a part of that one.
    """
    parts = {id(part) for graph in program.graphs for part in _parts(graph)}
    whole = [graph for graph in program.graphs if id(graph) not in parts and (graph.nodes or graph.edges)]
    if not whole:
        return None
    compiled = [graph for graph in whole if graph.compiled]
    found = compiled[-1] if compiled else max(reversed(whole), key=lambda graph: len(graph.nodes))
    for graph in whole:
        if graph is not found:
            chosen = "compiled last" if compiled else "the largest"
            title = next(iter(graph.titles), graph.owner) or "graph"
            program.report.add(graph.node, title, f"Of several graphs the one that is {chosen} is imported.")
    return found


def _parts(graph: GraphDraft) -> Iterator[GraphDraft]:
    for node in graph.nodes.values():
        for found in within(node.action):
            part = found.graph if isinstance(found, Compiled) else found
            if isinstance(part, GraphDraft) and part is not graph:
                yield part


def _created_name(graph: GraphDraft | None, module: ast.Module) -> str | None:
    """Return the name that a function ``create_X`` or a variable ``X_agent`` gives. Source: spec §7."""
    functions = [n.name for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for name in [graph.owner if graph else "", *functions]:
        if name.startswith("create_") and (title := _stripped(name.removeprefix("create_"))):
            return title
    variables = [*(graph.titles if graph else ()), *_assigned(module)]
    return next((_stripped(name) for name in variables if name.endswith("_agent")), None)


def _stripped(name: str) -> str:
    return name.replace("_agent", "").replace("_workflow", "")


def _assigned(module: ast.Module) -> Iterator[str]:
    for statement in module.body:
        for target in statement.targets if isinstance(statement, ast.Assign) else ():
            if isinstance(target, ast.Name):
                yield target.id


def _prebuilt(program: Program, empty: Workflow) -> Workflow:
    """Return the workflow of a module whose only graph is a ready-made agent; an empty one when there is none."""
    made = [found for value in program.globals.names.values() for found in within(value) if _is_agent(found)]
    for function in list(program.globals.names.values()):
        if not made and isinstance(function, Function):
            made += [call for call in program.observe(function, [])[0] if _is_agent(call)]
    if not made:
        why = (
            f"No graph is built here: there is no {' or '.join(sorted(BUILDERS))} with nodes, and no ready-made agent."
        )
        program.report.add(1, "module", why)
        return empty
    call = made[-1]
    for other in made[:-1]:
        if all(found is not other for found in within(call)):
            program.report.add(other.node, other.name, "Of several agents the last one is imported.")
    name = call.keywords.get("name")
    title = name if isinstance(name, str) and name not in ("", "start", "end") else "agent"
    data = freeze({"name": title, **agent_data([call], program, call.node)})
    nodes = (Node("start", "start"), Node(title, "agent", data), Node("end", "end"))
    return replace(empty, nodes=nodes, edges=(Edge("start", title), Edge(title, "end")))


def _is_agent(value: object) -> bool:
    return isinstance(value, Call) and value.name in PREBUILT
