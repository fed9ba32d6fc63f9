"""A whole module: what stands in it, in what order. Source: spec langgraph-builder §6.1, §6.3, §6.8."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from builder_jupyter.codegen.functions import node_function, routes_of, routing_function
from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.parts import closure, import_groups, names_in
from builder_jupyter.codegen.printer import Group, print_module, printed
from builder_jupyter.codegen.quotes import literal, statement
from builder_jupyter.codegen.scene import Scene
from builder_jupyter.codegen.shape import tables_of
from builder_jupyter.codegen.spoken import canvas_of, harmless, is_number, repeats, table_edges, texts
from builder_jupyter.graph.model import Edge, Workflow
from builder_jupyter.graph.names import module_filename
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.router import FALLBACKS

MCP_SERVERS = {"tools": {"transport": "streamable_http", "url": "http://localhost:8000/mcp"}}
DEFAULT_MODEL = "gemini-2.5-flash"
TOOL_ROUNDS = 10

REDUCERS = ("last", "extend")
"""Functions that the schema of the state refers to: they stand before it."""

_ANYTHING = {"type": "object", "properties": {}}


class ModuleWriter:
    """Writes one module. Parts are written in an order in which everybody's needs are known before they are met."""

    def __init__(self, workflow: Workflow, options: Options, tools: Sequence[ToolSpec]) -> None:
        self.scene = Scene(workflow, options, tools)
        self.options = options
        self.routing = self._routing_names()
        self.read: list[Edge] = []

    def code(self) -> str:
        """Return the text of the module."""
        scene = self.scene
        state = self._state()
        functions = [[printed(node_function(scene, node))] for node in scene.graph_nodes]
        routings = [[printed(routing_function(scene, scene.nodes[at], name))] for at, name in self.routing.items()]
        graph = list(self._graph())
        embedded = closure(
            scene.used, self._variants(), is_async=self.options.async_mode, types=self.options.include_types,
            docstrings=self.options.include_docstrings,
        )  # fmt: skip
        for node in embedded.values():
            scene.used |= names_in(node)
        if self.options.include_types and scene.names:
            scene.used.add("Any")
        constants = list(self._constants())
        reducers: list[Group] = [[embedded.pop(name)] for name in REDUCERS if name in embedded]
        helpers: list[Group] = [[node] for node in embedded.values()]
        workflow = scene.workflow
        docstring = [f"Generated workflow: {harmless(workflow.name) or 'Workflow'}"]
        if described := harmless(workflow.description):
            docstring += ["", described]
        groups = [*import_groups(scene.used), *reducers, state, *constants, *helpers, *functions, *routings, *graph]
        return print_module(docstring, groups)

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The packages that the code imports, also inside functions. Source: spec §5."""
        found = ["langgraph>=1.0.0", "langchain-core>=0.3.0"]
        if "get_model" in self.scene.used:
            found.append("langchain>=1.0.0")
        if self.scene.has_tools and self.options.include_mcp_tools:
            found.append("langchain-mcp-adapters>=0.1.0")
        return tuple(found)

    @property
    def filename(self) -> str:
        """The name of the module's file."""
        return module_filename(self.scene.workflow.name)

    def readable_edges(self) -> list[Edge]:
        """Return the edges that a reader finds in the code."""
        list(self._graph())
        return self.read

    def _routing_names(self) -> dict[str, str]:
        """Return the names of the routing functions, by node id; none is a node's."""
        taken = set(self.scene.names.values())
        found: dict[str, str] = {}
        for node in self.scene.graph_nodes:
            if self.scene.decides(node):
                name = f"route_{self.scene.names[node.id]}"
                while name in taken:
                    name = f"{name}_"
                taken.add(name)
                found[node.id] = name
        return found

    def _variants(self) -> dict[str, str]:
        """Return which variants of embedded functions this module wants."""
        wanted: dict[str, str] = {}
        scene = self.scene
        if not scene.paths & {"messages", "results"}:
            wanted["lookup"] = "lookup__plain"
        if any(is_number(node.data.get("max_tokens")) for node in scene.graph_nodes if node.type == "agent"):
            wanted["get_model"] = "get_model__limited"
        if self.options.include_mcp_tools:
            wanted["call_tool"] = "call_tool__mcp" if self.options.async_mode else "call_tool__thread"
        if scene.shape.dispatched:
            parts = (("opening", bool(scene.inputs)), ("outputs", self._outputs > 1))
            variant = "_".join(name for name, is_wanted in parts if is_wanted)
            wanted["dispatch"] = f"dispatch__{variant}" if variant else "dispatch"
        return wanted

    @property
    def _outputs(self) -> int:
        return sum(node.type == "end" for node in self.scene.graph_nodes)

    def _state(self) -> Group:
        """Return the schema of the state: the keys that something reads or writes."""
        scene = self.scene
        keys = {"messages": "Annotated[list[AnyMessage], add_messages]"}
        if "results" in scene.used or any(node.type in {"tool", "human"} for node in scene.graph_nodes):
            keys["results"] = "Annotated[dict[str, Any], operator.or_]"
        if self._outputs:
            parallel = self._outputs > 1 and (scene.shape.dispatched or self._forks)
            keys["output"] = "Annotated[Any, last]" if parallel else "Any"
        if scene.inputs:
            given = "NotRequired[Any]" if self.options.include_types else "Any"
            keys |= dict.fromkeys([*scene.inputs, "message"], given)
        if scene.shape.dispatched:
            keys["trail"] = "Annotated[list[Any], extend]"
        annotations = {key: ast.parse(text, mode="eval").body for key, text in keys.items()}
        for annotation in annotations.values():
            scene.used |= names_in(annotation)
        scene.used.add("TypedDict")
        if not self.options.include_types:
            fields = ast.Dict([literal(key) for key in keys], list(annotations.values()))
            return [statement("AgentState = TypedDict('AgentState', FIELDS)", FIELDS=fields)]
        docstring = [ast.Expr(ast.Constant("What the nodes share."))] if self.options.include_docstrings else []
        body = [ast.AnnAssign(ast.Name(key), annotation, None, 1) for key, annotation in annotations.items()]
        return [ast.ClassDef("AgentState", [ast.Name("TypedDict")], [], [*docstring, *body], [])]

    @property
    def _forks(self) -> bool:
        """Whether two nodes can run at a time although nothing is dispatched."""
        return any(
            len({edge.target for edge in edges}) > 1 and not self.scene.decides(self.scene.nodes[source])
            for source, edges in self.scene.outgoing.items()
        ) or any(len(group) > 1 for groups in self.scene.shape.joins.values() for group in groups)

    def _constants(self) -> Iterator[Group]:
        scene = self.scene
        ids = {name: node_id for node_id, name in scene.names.items()}
        if scene.shape.dispatched:
            ids["dispatch"] = scene.start.id
        yield [statement("NODE_IDS = VALUE", VALUE=literal(ids))]
        values: dict[str, object] = {
            "INPUTS": [*scene.inputs, "message"],
            "DEFAULT_MODEL": DEFAULT_MODEL,
            "TOOL_ROUNDS": TOOL_ROUNDS,
            "TOOLS": self._tools(),
            "MCP_SERVERS": MCP_SERVERS,
            "ROLES": {"human": "user", "ai": "assistant"},
        }
        for name, value in values.items():
            if name in scene.used:
                yield [statement(f"{name} = VALUE", VALUE=literal(value))]
        if scene.shape.dispatched:
            tables = tables_of(scene.workflow, scene.names)
            edges = ast.List([ast.Tuple([literal(source), literal(target)]) for source, target in tables.edges])
            yield [statement("EDGES = VALUE", VALUE=edges)]
            yield [statement("LOOPS = VALUE", VALUE=literal(tables.loops))]

    def _tools(self) -> dict[str, object]:
        """Return how the tools of agents are offered to models; of tools nobody here knows, by name alone."""
        agents = (node for node in self.scene.graph_nodes if node.type == "agent")
        names = dict.fromkeys(name for node in agents for name in texts(node.data.get("tools")))
        offered: dict[str, object] = {}
        for name in names:
            spec = self.scene.specs.get(name)
            about = {"description": spec.description, "parameters": spec.json_schema()} if spec else {
                "description": "", "parameters": _ANYTHING,
            }  # fmt: skip
            offered[name] = {"name": name, **about}
        return offered

    def _graph(self) -> Iterator[Group]:
        """Yield the statements that put the graph together; note in ``read`` the edges that a reader finds in them."""
        scene = self.scene
        scene.used.add("StateGraph")
        dispatched = scene.shape.dispatched
        edges = list(self._dispatched_edges() if dispatched else self._edges())
        choices = [] if dispatched else list(self._choices())
        if dispatched:
            routes = ast.Dict(
                [literal(scene.names[at]) for at in self.routing], [ast.Name(name) for name in self.routing.values()]
            )
            yield [statement("ROUTES = VALUE", VALUE=routes)]
        left = canvas_of(scene.workflow, edges=self.read, docstrings=self.options.include_docstrings)
        if left:
            yield [statement("CANVAS = VALUE", VALUE=literal(left))]
        added = [
            statement("workflow.add_node(NAME, FUNCTION)", NAME=literal(name), FUNCTION=ast.Name(name))
            for name in scene.names.values()
        ]
        yield [statement("workflow = StateGraph(AgentState)"), *added, *edges, *choices]
        if self.options.checkpoint_config:
            scene.used.add("InMemorySaver")
            yield [statement("app = workflow.compile(checkpointer=InMemorySaver())")]
        else:
            yield [statement("app = workflow.compile()")]

    def _edges(self) -> Iterator[ast.stmt]:
        """Yield the plain edges and joins, those of the start first, then in the order in which they were drawn."""
        scene = self.scene
        joins = [(target, group) for target, groups in scene.shape.joins.items() for group in groups]
        joined = {(source, target): group for target, group in joins for source in group}
        done: set[tuple[str, ...]] = set()
        rest = [edge for edge in scene.edges if edge.source != scene.start.id]
        for edge in [*scene.outgoing[scene.start.id], *rest]:
            if edge.source != scene.start.id and scene.decides(scene.nodes[edge.source]):
                continue
            group = joined.get((edge.source, edge.target), (edge.source,))
            target = scene.names.get(edge.target, "")
            key = (target, *group)
            if key in done:
                continue
            done.add(key)
            self.read += [Edge(source, edge.target) for source in group]
            yield self._edge(self._source(group), scene.target(edge.target))
        for node in scene.graph_nodes:
            if node.type == "end":
                scene.used.add("END")
                yield self._edge(literal(scene.names[node.id]), ast.Name("END"))

    def _edge(self, source: ast.expr, target: ast.expr) -> ast.stmt:
        return statement("workflow.add_edge(SOURCE, TARGET)", SOURCE=source, TARGET=target)

    def _source(self, group: tuple[str, ...]) -> ast.expr:
        if len(group) > 1:
            return ast.List([literal(self.scene.names[source]) for source in group])
        if group[0] in self.scene.names:
            return literal(self.scene.names[group[0]])
        self.scene.used.add("START")
        return ast.Name("START")

    def _choices(self) -> Iterator[ast.stmt]:
        scene = self.scene
        for node_id, name in self.routing.items():
            edges = scene.outgoing[node_id]
            self.read += self._read_choices(node_id)
            yield statement(
                "workflow.add_conditional_edges(NAME, CHOOSE, TARGETS)",
                NAME=literal(scene.names[node_id]), CHOOSE=ast.Name(name), TARGETS=scene.targets(edges),
            )  # fmt: skip

    def _read_choices(self, node_id: str) -> Iterator[Edge]:
        """Yield the edges that a reader finds behind a router or human: those of its routes, then those without label.

        A router with a default that has edges never comes to edges without a label, and its code does not name them.
        """
        scene = self.scene
        node = scene.nodes[node_id]
        routed = routes_of(scene, node)
        found = {id(edge) for edges in routed.values() for edge in edges}
        for label, edges in routed.items():
            yield from (Edge(node_id, edge.target, label=label if isinstance(label, str) else None) for edge in edges)
        default = node.data.get("default")
        if node.type == "router" and isinstance(default, str) and default in routed and default not in FALLBACKS:
            return
        rest = [edge for edge in scene.outgoing[node_id] if id(edge) not in found]
        ways = {label: [scene.names.get(edge.target, "") for edge in edges] for label, edges in routed.items()}
        if not repeats(ways, [scene.names.get(edge.target, "") for edge in rest]):
            yield from (Edge(node_id, edge.target) for edge in rest)

    def _dispatched_edges(self) -> Iterator[ast.stmt]:
        scene = self.scene
        scene.used |= {"dispatch", "START", "END"}
        routed = (edge for node_id in self.routing for edge in self._read_choices(node_id))
        self.read += table_edges(scene.edges, routed, lambda target: target not in scene.names)
        names = list(scene.names.values())
        yield statement(
            "workflow.add_node('dispatch', dispatch, destinations=TARGETS)",
            TARGETS=ast.Tuple([*map(literal, names), ast.Name("END")]),
        )
        yield statement("workflow.add_edge(START, 'dispatch')")
        for name in names:
            yield statement("workflow.add_edge(NAME, 'dispatch')", NAME=literal(name))


def readable_edges(workflow: Workflow) -> list[Edge]:
    """Return the edges that a reader would find in the code of a workflow, in the order in which they stand there."""
    return ModuleWriter(workflow, Options(), ()).readable_edges()
