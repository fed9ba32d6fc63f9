"""Hypothesis strategies for workflows that run to an end: valid builder workflows built from blocks, with a script
for their models, and graphs with every kind of loop. Kept free of tests for reuse.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from hypothesis import strategies as st

from builder_jupyter.graph.model import Edge, Node, Workflow, freeze
from builder_jupyter.nodes.chat import ChatRequest

WORDS = ("red", "green", "blue")


@dataclass
class Draft:
    """A workflow being built. ``tails`` are loose ends: a node and the label of the edge that will leave it."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    rounds: dict[str, int] = field(default_factory=dict)

    def node(self, kind: str, **data) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(Node(name, kind, freeze(data)))
        return name

    def agent(self) -> str:
        return self.node("agent", prompt=f"agent{len(self.nodes)}")

    def join(self, tails, target) -> None:
        self.edges.extend(Edge(source, target, label=label) for source, label in tails)


Tails = list[tuple[str, str | None]]
blocks = st.recursive(
    st.sampled_from(["agent", "tool"]),
    lambda inner: st.one_of(
        st.tuples(st.just("row"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("side by side"), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("choice"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("loop"), inner, st.integers(1, 3)),
    ),
    max_leaves=6,
)

plain = st.recursive(
    st.sampled_from(["agent", "tool"]),
    lambda inner: st.one_of(
        st.tuples(st.just("row"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("side by side"), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=7,
)
whole = st.one_of(plain, st.tuples(st.just("choice"), st.lists(plain, min_size=1, max_size=3)))
"""Blocks whose branches are always taken together: what LangGraph's own list edges can join."""


def build(draft: Draft, block, tails: Tails) -> Tails:
    """Add a block behind loose ends and return those it leaves."""
    if isinstance(block, str):
        made = draft.agent() if block == "agent" else draft.node("tool", tool_name="echo", arguments={"value": "x"})
        draft.join(tails, made)
        return [(made, None)]
    kind, parts = block[0], block[1]
    if kind == "row":
        for part in parts:
            tails = build(draft, part, tails)
        return tails
    if kind == "side by side":
        return [tail for part in parts for tail in build(draft, part, tails)]
    if kind == "choice":
        chooser = draft.agent()
        draft.join(tails, chooser)
        words = WORDS[: len(parts)]
        router = draft.node("router", conditions=[{"label": w, "pattern": w} for w in words], default="other")
        draft.join([(chooser, None)], router)
        ends = [tail for word, part in zip(words, parts, strict=True) for tail in build(draft, part, [(router, word)])]
        return [*ends, (router, "other")]
    return _loop(draft, parts, block[2], tails)


def _loop(draft: Draft, body, rounds: int, tails: Tails) -> Tails:
    """``body`` again until the agent behind it says that it is done. It may begin with several steps."""
    first = len(draft.edges)
    gate = "gate"
    inner = build(draft, body, [(gate, None)])
    entered = [edge.target for edge in draft.edges[first:] if edge.source == gate]
    draft.edges[first:] = [edge for edge in draft.edges[first:] if edge.source != gate]
    for target in entered:
        draft.join(tails, target)
    judge = draft.agent()
    draft.rounds[judge] = rounds
    draft.join(inner, judge)
    conditions = [{"label": "again", "pattern": "again"}, {"label": "done", "pattern": "done"}]
    router = draft.node("router", conditions=conditions)
    draft.join([(judge, None)], router)
    for target in entered:
        draft.join([(router, "again")], target)
    return [(router, "done")]


@st.composite
def runnable(draw, parts=blocks):
    """A valid workflow and the rounds that each judge of a loop lasts; several ends, a few edges across."""
    draft = Draft([Node("start", "start")])
    rows = draw(st.lists(parts, min_size=1, max_size=3))
    tails: Tails = [("start", None)]
    corners = []
    for block in rows:
        tails = build(draft, block, tails)
        corner = draft.agent()
        draft.join(tails, corner)
        corners.append(corner)
        tails = [(corner, None)]
    for early, late in draw(st.lists(st.tuples(st.sampled_from(corners), st.sampled_from(corners)), max_size=3)):
        if corners.index(early) < corners.index(late):
            draft.edges.append(Edge(early, late))
    for corner in draw(st.sets(st.sampled_from(corners))) | {corners[-1]}:
        end = draft.node("end", output=draw(st.sampled_from(["", "state.messages[-1]", "state.results"])))
        draft.edges.append(Edge(corner, end))
    nodes = draw(st.permutations(draft.nodes))
    return Workflow("random", tuple(nodes), tuple(draft.edges)), draft.rounds


def answer(rounds, seed: int = 0):
    """The script of the models: what an agent says depends on who it is and how often it has spoken, nothing else."""

    def say(request: ChatRequest) -> str:
        name = request.messages[0].content
        spoken = sum(message.name == name for message in request.messages)
        if name in rounds:
            return f"{name} {'again' if spoken + 1 < rounds[name] else 'done'}"
        digest = hashlib.sha256(f"{seed} {name} {spoken}".encode()).digest()
        return f"{name} {(*WORDS, 'none')[digest[0] % 4]}"

    return say


@st.composite
def any_graph(draw):
    """Steps 0..n-1, edges in any direction, and for each step a list of choices: which edges it takes by visit."""
    size = draw(st.integers(1, 7))
    ends = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    edges = draw(st.lists(ends, max_size=14, unique=True))
    choices = draw(st.lists(st.lists(st.integers(0, 2**14), min_size=1, max_size=3), min_size=size, max_size=size))
    return size, edges, choices
