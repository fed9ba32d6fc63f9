"""Workflows written in Python, node by node: ``flow = bj.workflow("Support")``, and ``>>`` between what it hands out.

A builder is the one thing about workflows that changes; what it builds never does. Whatever is wrong with the shape is
refused on the line that says it, and the message names that line: a notebook shows errors without their traceback.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from textwrap import dedent
from typing import Any, NoReturn, Protocol, TypeVar, overload

from builder_jupyter.errors import InvalidInput, Unprocessable
from builder_jupyter.graph.dialects.builder import BUILDER
from builder_jupyter.graph.dialects.faults import Faults
from builder_jupyter.graph.model import Workflow, thaw

E = TypeVar("E", bound="Ends")


class HasCode(Protocol):
    """Something that Python code calls in a node, such as a function under ``@bj.node``."""

    @property
    def code(self) -> str:
        """The code of a python node that calls it."""
        ...


class Ends:
    """What ``>>`` leads to and from: nodes, and by which label each is left.

    ``a >> b`` draws an edge, ``a >> [b, c] >> d`` fans out and in again. The value is the right side, so that chains go
    on from there.
    """

    def __init__(self, builder: WorkflowBuilder, ways: Sequence[tuple[str, str | None]]) -> None:
        self._builder = builder
        self._ways = tuple(ways)

    @overload
    def __rshift__(self, other: E, /) -> E: ...
    @overload
    def __rshift__(self, other: Sequence[Ends], /) -> Fan: ...
    def __rshift__(self, other: Ends | Sequence[Ends], /) -> Ends:
        """Draw an edge from each node here to each node there."""
        if not isinstance(other, Ends | list | tuple):
            return NotImplemented
        targets = other if isinstance(other, Ends) else self._builder.fan(other)
        self._builder.connect(self, targets)
        return targets

    def __rrshift__(self, others: Sequence[Ends], /) -> Ends:
        """Draw edges from the nodes of a list."""
        if not isinstance(others, list | tuple):
            return NotImplemented
        self._builder.connect(self._builder.fan(others), self)
        return self

    @property
    def ways(self) -> tuple[tuple[str, str | None], ...]:
        """The id of each node, and the label by which it is left."""
        return self._ways

    def belongs_to(self, builder: WorkflowBuilder) -> bool:
        """Say whether its nodes are of this builder."""
        return self._builder is builder


class Fan(Ends):
    """Several nodes side by side."""

    def __repr__(self) -> str:
        return f"<Fan of {', '.join(_shown(*way) for way in self.ways)}>"


class Way(Ends):
    """A node, left by one label."""

    def __repr__(self) -> str:
        return f"<Way {', '.join(_shown(*way) for way in self.ways)}>"


class NodeBuilder(Ends):
    """A node of a workflow that is being written. ``node["label"]`` is the way out of it that has this label."""

    def __init__(self, builder: WorkflowBuilder, node_id: str, labels: frozenset[str]) -> None:
        super().__init__(builder, [(node_id, None)])
        self.id = node_id
        self._labels = labels

    def __repr__(self) -> str:
        return f"<Node {self.id!r}>"

    def __getitem__(self, label: str) -> Way:
        """Return the way out by a label. Raises `InvalidInput` (``UNKNOWN_LABEL``) for one that is never taken."""
        if not label.strip():
            _refuse("A label is a text that is not empty.", "UNKNOWN_LABEL")
        if self._labels and label not in self._labels:
            _refuse(f"No answer of {self.id!r} is {label!r}{_meant(label, self._labels)}", "UNKNOWN_LABEL")
        return Way(self._builder, [(self.id, label)])


class WorkflowBuilder:
    """A workflow that is being written; `build` gives it. Ids are unique, and every method says what it refuses.

    Parameters
    ----------
    name : of the workflow.
    tags, metadata : what a client keeps beside it; ``tags`` are a part of ``metadata``.

    Raises
    ------
    InvalidInput : ``INVALID_WORKFLOW``, ``DUPLICATE_NODE``, ``DUPLICATE_EDGE``, ``UNKNOWN_LABEL``, ``FOREIGN_NODE``.
        Each message begins with the line at fault.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> flow = bj.workflow("Support")
    >>> topic = flow.router("topic", when={"billing": "bill|refund"}, default="other")
    >>> billing = flow.agent("billing", prompt="Help with billing.")
    >>> other = flow.agent("other", prompt="Help.")
    >>> _ = flow.start >> topic
    >>> _ = topic["billing"] >> billing
    >>> _ = topic["other"] >> other
    >>> _ = [billing, other] >> flow.end(output="state.messages[-1]")
    >>> flow.build()
    <Workflow 'Support': 5 nodes, 5 edges>
    """

    def __init__(
        self,
        name: str,
        *,
        description: str = "",
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        marks = {**(metadata or {}), **({"tags": list(tags)} if tags else {})}
        self._header = {"name": name, "description": description, "metadata": marks}
        self._nodes: dict[str, dict[str, Any]] = {}
        self._built: dict[str, NodeBuilder] = {}
        self._lines: dict[str, int] = {}
        self._edges: dict[tuple[str, str, str | None], int] = {}

    def __repr__(self) -> str:
        return f"<WorkflowBuilder {self._header['name']!r}: {len(self._nodes)} nodes, {len(self._edges)} edges>"

    def __getitem__(self, node_id: str) -> NodeBuilder:
        """Return a node by its id. Raises `InvalidInput` (``UNKNOWN_NODE``)."""
        if node_id not in self._built:
            _refuse(f"There is no node {node_id!r}{_meant(node_id, self._built)}", "UNKNOWN_NODE")
        return self._built[node_id]

    @property
    def start(self) -> NodeBuilder:
        """The start node, which is there from when it is first asked for."""
        return self._built["start"] if "start" in self._built else self.node("start", "start")

    def agent(
        self,
        node_id: str,
        *,
        prompt: str = "",
        tools: Sequence[str] = (),
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        name: str | None = None,
    ) -> NodeBuilder:
        """Add a language model with a system prompt, which sees the conversation.

        ``tools`` are names of tools that it may call; ``model`` None is the server's default.
        """
        return self._add(
            "agent", node_id, name=name, prompt=dedent(prompt).strip(), tools=list(tools), model=model,
            temperature=temperature, max_tokens=max_tokens,
        )  # fmt: skip

    def router(
        self, node_id: str, *, when: Mapping[str, str], default: str | None = None, name: str | None = None
    ) -> NodeBuilder:
        """Add a choice by the newest message: ``when`` maps labels to patterns, of which the first found wins.

        ``default`` is the label where none is. ``router["label"] >> node`` draws the ways out.
        """
        conditions = [{"label": label, "pattern": pattern} for label, pattern in when.items()]
        labels = frozenset(when) | {default or "default", "default", "else"}
        return self._add("router", node_id, labels, name=name, conditions=conditions, default=default)

    def tool(
        self, node_id: str, tool_name: str, arguments: Mapping[str, Any] | None = None, *, name: str | None = None
    ) -> NodeBuilder:
        """Add a call of a tool. Texts in ``arguments`` may hold ``{{state.…}}``."""
        return self._add("tool", node_id, name=name, tool_name=tool_name, arguments=dict(arguments or {}))

    def human(
        self,
        node_id: str,
        *,
        prompt: str = "",
        options: Sequence[str] = (),
        timeout: float | None = None,
        schema: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> NodeBuilder:
        """Add a question to a person: the run waits for the answer.

        ``options`` are answers to choose from, and labels of ways out; ``timeout`` is in seconds, and the label of the
        way that is taken then; ``schema`` is a JSON Schema, of which a form is made.
        """
        labels = frozenset({*options, "timeout"}) if options else frozenset[str]()
        return self._add(
            "human", node_id, labels, name=name, prompt=dedent(prompt).strip(), options=list(options), timeout=timeout,
            schema=None if schema is None else dict(schema),
        )  # fmt: skip

    def python(
        self, node_id: str, code: str | HasCode, *, timeout: float | None = None, name: str | None = None
    ) -> NodeBuilder:
        """Add Python code, or a function under ``@bj.node``; it runs in the kernel of the notebook that runs it.

        ``timeout`` is in seconds.
        """
        text = dedent(code).strip() if isinstance(code, str) else code.code
        return self._add("python", node_id, name=name, code=text, timeout=timeout)

    def end(self, node_id: str = "end", *, output: str = "", name: str | None = None) -> NodeBuilder:
        """Add an end. ``output`` is what the run gives back, an expression such as ``state.messages[-1]``."""
        return self._add("end", node_id, name=name, output=output)

    def node(self, type_name: str, node_id: str, /, **data: Any) -> NodeBuilder:
        """Add a node of any type: ``flow.node("map", "each", workflow="wf_…", items="{{state.rows}}")``."""
        return self._put({"id": node_id, "type": type_name, **({"data": thaw(data)} if data else {})})

    def fan(self, ends: Sequence[Ends]) -> Fan:
        """Return nodes side by side, as a list between ``>>`` is read."""
        if not ends or not all(isinstance(one, Ends) for one in ends):
            _refuse("A list between >> is made of nodes.", "FOREIGN_NODE")
        for one in ends:
            self._know(one)
        return Fan(self, [way for one in ends for way in one.ways])

    def connect(self, sources: Ends, targets: Ends) -> None:
        """Draw an edge from each of some nodes to each of others, as ``>>`` does."""
        self._know(sources)
        self._know(targets)
        for source, label in sources.ways:
            for target, _ in targets.ways:
                edge = (source, target, label)
                if edge in self._edges:
                    before = f"there is one already, drawn in line {self._edges[edge]}"
                    _refuse(f"A second edge from {_shown(source, label)} to {target!r}: {before}.", "DUPLICATE_EDGE")
                self._edges[edge] = _line()

    def build(self, *, validate: bool = False) -> Workflow:
        """Return the workflow as it is now, judged too when ``validate``.

        Raises
        ------
        InvalidInput : ``INVALID_WORKFLOW``: a name, tags or metadata that no workflow may have.
        Unprocessable : ``VALIDATION_FAILED``, with the findings and the lines of their nodes.
        """
        edges = [
            {"source": source, "target": target, **({} if label is None else {"label": label})}
            for source, target, label in self._edges
        ]
        ordered = sorted(self._nodes.values(), key=lambda node: node["type"] != "start")
        workflow = BUILDER.read({**self._header, "nodes": ordered, "edges": edges})
        if validate:
            self._judge(workflow)
        return workflow

    def _judge(self, workflow: Workflow) -> None:
        """Ask the process's client, as `bj.validate` does: it knows which tools there are."""
        import builder_jupyter

        verdict = builder_jupyter.validate(workflow)
        if verdict["valid"]:
            return
        errors = [self._located(finding) for finding in verdict["errors"]]
        raise Unprocessable("Workflow validation failed", details={**verdict, "errors": errors})

    def _located(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        line = self._lines.get(str(finding.get("node_id")))
        return {**finding, "message": f"{finding['message']} (line {line})" if line else finding["message"]}

    def _add(self, type_name: str, node_id: str, labels: frozenset[str] = frozenset(), /, **data: Any) -> NodeBuilder:
        """Add a node with what was said of it: nothing, None and what is empty are left to the node's type."""
        said = {name: thaw(value) for name, value in data.items() if value is not None and value not in ("", [], {})}
        return self._put({"id": node_id, "type": type_name, **({"data": said} if said else {})}, labels)

    def _put(self, node: dict[str, Any], labels: frozenset[str] = frozenset()) -> NodeBuilder:
        _check(node)
        node_id = node["id"]
        if node_id in self._nodes:
            _refuse(f"There is a node {node_id!r} already, made in line {self._lines[node_id]}.", "DUPLICATE_NODE")
        self._nodes[node_id] = node
        self._lines[node_id] = _line()
        built = self._built[node_id] = NodeBuilder(self, node_id, labels)
        return built

    def _know(self, ends: Ends) -> None:
        if not ends.belongs_to(self):
            _refuse(f"{ends!r} is a node of another workflow.", "FOREIGN_NODE")


workflow = WorkflowBuilder
"""``bj.workflow("Support")`` begins a workflow."""


def _check(node: Mapping[str, Any]) -> None:
    """Refuse a node that the dialect would refuse, now rather than in `build`."""
    faults = Faults()
    BUILDER.read_node(node, "node", faults)
    if faults.found:
        first = faults.found[0]
        what = first["field"].removeprefix("node").removeprefix(".").removeprefix("data.")
        _refuse(f"Node {node['id']!r}: {what} {first['error']}.", "INVALID_WORKFLOW")


def _shown(node_id: str, label: str | None) -> str:
    return repr(node_id) if label is None else f"{node_id!r}[{label!r}]"


def _meant(word: object, known: Iterable[str]) -> str:
    """Return the end of a sentence about a word that is not known: what is like it, or all there is."""
    names = sorted(known)
    if near := difflib.get_close_matches(str(word), names, 1):
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(names)}." if names else "."


def _line() -> int:
    """Return the line, in a cell or a file, that is being run and is not of this module."""
    frame = sys._getframe(1)  # noqa: SLF001 - `inspect` reads source files on the way
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_lineno


def _refuse(reason: str, code: str) -> NoReturn:
    raise InvalidInput(f"Line {_line()}: {reason}", code=code)
