"""The function of each node, and the routing functions behind routers and humans. Source: spec §6.4, nodes/*.py."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builder_jupyter.codegen.patterns import to_python
from builder_jupyter.codegen.quotes import literal
from builder_jupyter.codegen.scene import STATE, Scene, is_agent_with_tools
from builder_jupyter.codegen.spoken import said_data, said_name
from builder_jupyter.graph.model import Edge, Node
from builder_jupyter.graph.templates import parse_output, split_text
from builder_jupyter.nodes.patterns import read_conditions
from builder_jupyter.nodes.router import FALLBACKS


def node_function(scene: Scene, node: Node) -> ast.stmt:
    """Return the function of a graph node."""
    name = scene.names[node.id]
    given = said_name(node)
    said = f"{given} {node.type} node." if given is not None else f"{node.type.capitalize()} node."
    body = [*_sight(scene, node), *_BODIES[node.type](scene, node)]
    made = _function(scene, name, said, body, returns="dict[str, Any]", is_async=scene.options.async_mode)
    if scene.shape.dispatched:
        scene.used.add("visit")
        made.decorator_list = [ast.Name("visit")]
    return made


def routing_function(scene: Scene, node: Node, name: str) -> ast.stmt:
    """Return the function that chooses what follows a router or a human."""
    body = _route_of_router(scene, node) if node.type == "router" else _route_of_human(scene, node)
    if hidden := _beside(scene, node):
        body = [*scene.write("state = without(state, NAMES)", NAMES=hidden), *body]
    return _function(scene, name, f"Choose what follows {scene.names[node.id]}.", body, returns="list[str]")


def _function(
    scene: Scene, name: str, docstring: str, body: list[ast.stmt], *, returns: str, is_async: bool = False
) -> ast.FunctionDef | ast.AsyncFunctionDef:
    types = scene.options.include_types
    parameter = ast.arg(STATE, ast.Name("AgentState") if types else None)
    kind = ast.AsyncFunctionDef if is_async else ast.FunctionDef
    documented = [ast.Expr(ast.Constant(docstring))] if scene.options.include_docstrings else []
    return kind(
        name=name,
        args=ast.arguments(posonlyargs=[], args=[parameter], kwonlyargs=[], kw_defaults=[], defaults=[]),
        body=[*documented, *body],
        decorator_list=[],
        returns=ast.Name(returns) if types else None,
    )


def _beside(scene: Scene, node: Node) -> ast.expr | None:
    """Return the names of the nodes that a node must not see, as a list."""
    hidden = scene.shape.beside.get(node.id)
    if not hidden:
        return None
    return ast.List([ast.Constant(name) for name in sorted(scene.names[other] for other in hidden)])


def _sight(scene: Scene, node: Node) -> list[ast.stmt]:
    """Return what comes first in a function: the beginning of the conversation, and what is not to be seen."""
    made: list[ast.stmt] = []
    if scene.begins(node):
        made += scene.write("begin = opening(state)")
    hidden = _beside(scene, node)
    if hidden is not None and node.type != "router":
        made += scene.write("state = without(state, NAMES)", NAMES=hidden)
    return made


def _agent(scene: Scene, node: Node) -> list[ast.stmt]:
    said = said_data(node)
    begins = scene.begins(node)
    made: list[ast.stmt] = []
    before: list[ast.expr] = []
    if "prompt" in said:
        made += scene.write("prompt = PROMPT", PROMPT=literal(said["prompt"]))
        scene.used.add("SystemMessage")
        before.append(ast.Call(ast.Name("SystemMessage"), [ast.Name("prompt")], []))
    if begins:
        before.append(ast.Starred(ast.Name("begin")))
    (messages,) = scene.write("state['messages']")
    assert isinstance(messages, ast.Expr)  # noqa: S101
    conversation = ast.List([*before, ast.Starred(messages.value)]) if before else messages.value
    made += scene.write("model = MODEL", MODEL=_model(scene, said))
    name = ast.Constant(scene.names[node.id])
    if not is_agent_with_tools(node):
        written = "{'messages': [*begin, reply.model_copy(update={'name': NAME})]}" if begins else (
            "{'messages': [reply.model_copy(update={'name': NAME})]}"
        )  # fmt: skip
        made += scene.write("reply = await model.ainvoke(MESSAGES)", MESSAGES=conversation)
        return [*made, *scene.write(f"return {written}", NAME=name)]
    made += scene.write("messages = MESSAGES", MESSAGES=conversation)
    made += scene.write("tools = TOOL_NAMES", TOOL_NAMES=literal(said["tools"]))
    made += scene.write("written = await answer_with_tools(NAME, model, messages, tools)", NAME=name)
    return [
        *made,
        *scene.write("return {'messages': [*begin, *written]}" if begins else "return {'messages': written}"),
    ]


def _model(scene: Scene, said: Mapping[str, Any]) -> ast.expr:
    scene.used.add("get_model")
    settings = [ast.keyword(key, literal(said[key])) for key in ("temperature", "max_tokens") if key in said]
    return ast.Call(ast.Name("get_model"), [literal(said.get("model"))], settings)


def _tool(scene: Scene, node: Node) -> list[ast.stmt]:
    tool = node.data.get("tool_name")
    given = node.data.get("arguments")
    made: list[ast.stmt] = []
    arguments: ast.expr = ast.Dict([], [])
    if isinstance(given, Mapping) and given:
        filled = _filled(scene, given)
        made += [*_seeing_beginning(scene, node), *scene.write("arguments = ARGUMENTS", ARGUMENTS=filled)]
        arguments = ast.Name("arguments")
    made += scene.write(
        "value = await call_tool(TOOL, ARGUMENTS)",
        TOOL=ast.Constant(tool if isinstance(tool, str) else ""), ARGUMENTS=arguments,
    )  # fmt: skip
    made += scene.write("message = AIMessage(as_text(value), name=NAME)", NAME=ast.Constant(scene.names[node.id]))
    return [*made, *_leaving(scene, node, "value")]


def _leaving(scene: Scene, node: Node, value: str) -> list[ast.stmt]:
    """Return the statement that gives back a message and a result."""
    begin = "*begin, " if scene.begins(node) else ""
    snippet = f"return {{'messages': [{begin}message], 'results': {{NAME: {value}}}}}"
    return scene.write(snippet, NAME=ast.Constant(scene.names[node.id]))


def _seeing_beginning(scene: Scene, node: Node) -> list[ast.stmt]:
    """Return what lets paths of a run's first node see the beginning of the conversation."""
    if not scene.begins(node):
        return []
    return scene.write("state = {**state, 'messages': [*begin, *state['messages']]}")


def _filled(scene: Scene, value: Any) -> ast.expr:
    """Return a value whose templates are expressions."""
    if isinstance(value, str):
        return _filled_text(scene, value)
    if isinstance(value, Mapping):
        return ast.Dict([literal(key) for key in value], [_filled(scene, item) for item in value.values()])
    if isinstance(value, list | tuple):
        return ast.List([_filled(scene, item) for item in value])
    return literal(value)


def _filled_text(scene: Scene, text: str) -> ast.expr:
    parts = [part if isinstance(part, str) else scene.lookup(part) for part in split_text(text)]
    if all(isinstance(part, str) for part in parts):
        return literal(text)
    if len(parts) == 1 and isinstance(parts[0], ast.expr):
        return parts[0]
    scene.used.add("joined")
    return ast.Call(ast.Name("joined"), [literal(p) if isinstance(p, str) else p for p in parts], [])


def _human(scene: Scene, node: Node) -> list[ast.stmt]:
    said = said_data(node)
    question = {
        "node_id": node.id,
        "prompt": said.get("prompt", ""),
        "options": said.get("options", []),
        "timeout": said.get("timeout"),
        **({"schema": said["schema"]} if "schema" in said else {}),
    }
    made = scene.write("question = QUESTION\nanswer = interrupt(question)", QUESTION=literal(question))
    made += scene.write("message = HumanMessage(answer_text(answer), name=NAME)", NAME=literal(scene.names[node.id]))
    return [*made, *_leaving(scene, node, "answer")]


def _router(scene: Scene, node: Node) -> list[ast.stmt]:
    return scene.write("return {'messages': begin}" if scene.begins(node) else "return {}")


def _end(scene: Scene, node: Node) -> list[ast.stmt]:
    text = str(node.data["output"])
    path = parse_output(text)
    output = literal(text.strip()) if path is None else scene.lookup(path)
    before = _seeing_beginning(scene, node) if path is not None and path[0] == "messages" else []
    snippet = "return {'messages': begin, 'output': OUTPUT}" if scene.begins(node) else "return {'output': OUTPUT}"
    return [*before, *scene.write(snippet, OUTPUT=output)]


_BODIES: dict[str, Callable[[Scene, Node], list[ast.stmt]]] = {
    "agent": _agent,
    "router": _router,
    "tool": _tool,
    "human": _human,
    "end": _end,
}
WRITABLE = frozenset({"start", *_BODIES})
"""The types of node that can be written as LangGraph."""


def routes_of(scene: Scene, node: Node) -> dict[Any, list[Edge]]:
    """Return the edges that each route of a router or human takes, by label.

    A router whose edges have no labels and are as many as its conditions goes by their place: the labels are those of
    the conditions, or, when two of those are the same or one is the default's, the places themselves.
    """
    edges = scene.outgoing[node.id]
    found: dict[Any, list[Edge]] = {}
    for edge in edges:
        if edge.route_label is not None:
            found.setdefault(edge.route_label, []).append(edge)
    labels = [one.label for one in read_conditions(node.data)]
    if found or node.type != "router" or len(edges) != len(labels):
        return found
    distinct = len({*labels, node.data.get("default")}) > len(labels)  # no edge has the default's label
    keys: Sequence[Any] = labels if distinct else range(len(labels))
    return {key: [edge] for key, edge in zip(keys, edges, strict=True)}


def _routes(scene: Scene, routes: Mapping[Any, list[Edge]]) -> ast.expr:
    return ast.Dict([literal(label) for label in routes], [scene.targets(edges) for edges in routes.values()])


def _route_of_human(scene: Scene, node: Node) -> list[ast.stmt]:
    made = scene.write("routes = ROUTES_", ROUTES_=_routes(scene, routes_of(scene, node)))
    otherwise = scene.targets([edge for edge in scene.outgoing[node.id] if edge.route_label is None])
    return [*made, *scene.write("return routes.get(last_text(state), OTHERWISE)", OTHERWISE=otherwise)]


def _route_of_router(scene: Scene, node: Node) -> list[ast.stmt]:
    conditions = read_conditions(node.data)
    pairs = [ast.Tuple([literal(one.label), literal(to_python(one.pattern))]) for one in conditions]
    routes = routes_of(scene, node)
    made = scene.write("conditions = CONDITIONS", CONDITIONS=ast.List(list(pairs)))
    made += scene.write("routes = ROUTES_", ROUTES_=_routes(scene, routes))
    choose = "first_place" if any(isinstance(key, int) for key in routes) else "first_match"
    snippet = f"return routes.get({choose}(conditions, last_text(state)), OTHERWISE)"
    return [*made, *scene.write(snippet, OTHERWISE=_otherwise(scene, node))]


def _otherwise(scene: Scene, node: Node) -> ast.expr:
    """Return what a router takes when nothing matches, or what matches has no edges."""
    edges = scene.outgoing[node.id]
    labels = {edge.route_label for edge in edges}
    unlabelled = [edge for edge in edges if edge.route_label is None]
    fallbacks = [label for label in FALLBACKS if label in labels]
    found: ast.expr = scene.targets(unlabelled)
    if not unlabelled and len(fallbacks) == 1:
        found = _route(fallbacks[0])
    elif not unlabelled and fallbacks:
        found = scene.targets([edge for edge in edges if edge.route_label in fallbacks])
    default = node.data.get("default")
    if not isinstance(default, str):
        return found
    if default in labels and default not in FALLBACKS:
        return _route(default)
    return ast.Call(ast.Attribute(ast.Name("routes"), "get"), [literal(default), found], [])


def _route(label: str) -> ast.expr:
    return ast.Subscript(ast.Name("routes"), literal(label))
