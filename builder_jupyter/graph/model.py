"""The noun of the product: an immutable graph of typed nodes with named ports.

A `Workflow` may be wrong (a duplicate id, an edge to nowhere): `validation` says so. It is never half built and
never changes; an edit is a new value. Wire shapes are the business of `graph.dialects`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from builder_jupyter import Code


class Profile(StrEnum):
    """The family of node types a workflow is made of; also the name of the dialect that writes it."""

    BUILDER = "builder"
    DIRECT = "direct"


class PortType(StrEnum):
    """What flows through a port. Source: spec builder-studio §8.1."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    MEDIA = "media"
    CONTEXT = "context"
    BOOLEAN = "boolean"


class FrozenDict(dict[str, Any]):
    """A dict that refuses to change, all the way down, yet is a dict to ``json`` and to ``==``."""

    def __init__(self, content: Mapping[str, Any] = MappingProxyType({}), /, **items: Any) -> None:
        super().__init__({key: freeze(item) for key, item in {**content, **items}.items()})

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping belongs to an immutable workflow; make a new one with replace()")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return (FrozenDict, (dict(self),))

    def __deepcopy__(self, _memo: object) -> Self:
        return self


EMPTY = FrozenDict()


def freeze(value: Any) -> Any:
    """Return ``value`` (JSON-like) with objects as `FrozenDict` and lists as tuples, all the way down."""
    if isinstance(value, FrozenDict):
        return value
    if isinstance(value, Mapping):
        return FrozenDict(value)
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def thaw(value: Any) -> Any:
    """Return a deep, mutable copy of a frozen value: plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces. What hashes and fingerprints are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node is drawn: world coordinates in pixels, y downwards, the node's centre."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Port:
    """A named, typed socket of a node type.

    ``required`` and ``multiple`` speak of inputs: whether an edge must arrive, and whether several may.
    """

    name: str
    type: PortType
    required: bool = False
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A vertex. ``type`` is looked up in the registry under the workflow's profile.

    ``extra`` keeps the fields of the wire that mean nothing here, so that reading and writing loses nothing.
    """

    id: str
    type: str
    data: FrozenDict = EMPTY
    position: Position | None = None
    extra: FrozenDict = EMPTY

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", freeze(self.data))
        object.__setattr__(self, "extra", freeze(self.extra))

    @property
    def label(self) -> str:
        """The name a person sees: ``data.name``, else the id."""
        name = self.data.get("name")
        return name if isinstance(name, str) and name.strip() else self.id


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed connection ``source -> target``; both are node ids, which need not exist.

    ``condition`` is a word beside the label in some wires; it is text, never code.
    """

    source: str
    target: str
    id: str | None = None
    label: str | None = None
    source_port: str | None = None
    target_port: str | None = None
    condition: str | None = None
    extra: FrozenDict = EMPTY

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", freeze(self.extra))

    @property
    def route_label(self) -> str | None:
        """The label a router or human chooses by: first non-blank of label, source port, condition."""
        for text in (self.label, self.source_port, self.condition):
            if text is not None and text.strip():
                return text
        return None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph with a name. A value: equal content is equal, and nothing in it can be changed.

    Parameters
    ----------
    nodes, edges : in request order, which is also the order of every finding and of code that is generated.
    metadata : tags, deployment marks and whatever else a client keeps here.
    id : the id it has in a store, once it has one; not part of the content.

    Examples
    --------
    >>> wf = Workflow.from_dict({"name": "hello", "nodes": [{"id": "start", "type": "start"},
    ...     {"id": "end", "type": "end"}], "edges": [{"source": "start", "target": "end"}]})
    >>> wf
    <Workflow 'hello': 2 nodes, 1 edge>
    """

    name: str = "Untitled workflow"
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    description: str = ""
    metadata: FrozenDict = EMPTY
    profile: Profile = Profile.BUILDER
    id: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "edges", tuple(self.edges))
        object.__setattr__(self, "metadata", freeze(self.metadata))

    def __repr__(self) -> str:
        return f"<Workflow {self.name!r}: {_count(self.nodes, 'node')}, {_count(self.edges, 'edge')}>"

    @property
    def nodes_by_id(self) -> dict[str, Node]:
        """Nodes by id; of several with one id, the first (validation reports the rest)."""
        found: dict[str, Node] = {}
        for node in self.nodes:
            found.setdefault(node.id, node)
        return found

    @property
    def tags(self) -> tuple[str, ...]:
        """The texts of ``metadata.tags``."""
        tags = self.metadata.get("tags", ())
        return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, tuple) else ()

    def node(self, node_id: str) -> Node:
        """Return the node with this id; `KeyError` when there is none."""
        return self.nodes_by_id[node_id]

    def with_nodes(self, nodes: Iterable[Node]) -> Workflow:
        """Return the workflow with other nodes."""
        return replace(self, nodes=tuple(nodes))

    def to_dict(self) -> dict[str, Any]:
        """Return the workflow in its own wire shape (see `graph.dialects`): plain dicts and lists."""
        from builder_jupyter.graph.dialects import dialect_of

        return dialect_of(self.profile).write(self)

    def to_langgraph(self, **options: bool) -> Code:
        """Return the workflow as a LangGraph module, which a cell shows in colours; see `Client.to_langgraph`.

        Whoever uses a workflow alone has the package's public names too; this is one of them.
        """
        import builder_jupyter

        return builder_jupyter.to_langgraph(self, **options)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Workflow:
        """Read a workflow from its wire shape; ``document["dialect"]`` is ``builder`` unless it says otherwise.

        Raises
        ------
        InvalidInput : ``code="INVALID_WORKFLOW"``; ``details`` lists every fault as ``{field, error}``.
        """
        from builder_jupyter.graph.dialects import read

        return read(document)

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a workflow file (JSON). Raises `InvalidInput` when it is not one."""
        from builder_jupyter.graph.dialects import read_text

        return read_text(Path(path).read_text(encoding="utf-8"))

    def save(self, path: str | Path) -> Path:
        """Write the workflow as JSON that diffs well: sorted keys, one node a block, layout apart from content."""
        from builder_jupyter.graph.dialects import write_text

        target = Path(path)
        target.write_text(write_text(self), encoding="utf-8")
        return target


def _count(items: tuple[object, ...], noun: str) -> str:
    return f"{len(items)} {noun}" if len(items) == 1 else f"{len(items)} {noun}s"
