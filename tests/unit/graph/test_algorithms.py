from builder_jupyter.graph.algorithms import (
    adjacency,
    loops,
    reachable,
    restrict,
    reverse,
    strongly_connected,
    upstream,
)

DIAMOND = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}
CHAIN = {str(i): [str(i + 1)] for i in range(50_000)}


def test_adjacency_drops_repeats_and_strangers():
    pairs = [("a", "b"), ("a", "b"), ("a", "z"), ("z", "a"), ("b", "b")]
    assert adjacency("ab", pairs) == {"a": ["b"], "b": ["b"]}


def test_reverse_and_restrict():
    assert reverse(DIAMOND) == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    assert reverse({"a": ["z"]}) == {"a": [], "z": ["a"]}
    assert restrict(DIAMOND, ["d", "a", "b"]) == {"a": ["b"], "b": ["d"], "d": []}


def test_reachable_and_upstream():
    assert reachable(DIAMOND, ["b"]) == {"b", "d"}
    assert reachable(DIAMOND, []) == set()
    assert upstream(DIAMOND, ["b", "c"]) == {"a", "b", "c"}


def test_components_come_successors_first():
    graph = {"a": ["b"], "b": ["c", "a"], "c": ["d"], "d": ["c", "e"], "e": []}
    assert strongly_connected(graph) == [["e"], ["c", "d"], ["a", "b"]]


def test_loops_by_first_node():
    graph = {"s": ["x"], "x": ["x", "a"], "b": ["a"], "a": ["b"]}
    assert loops(graph) == [["x"], ["b", "a"]]


def test_long_chains_need_no_stack():
    assert len(reachable(CHAIN, ["0"])) == 50_001
    assert len(strongly_connected(CHAIN)) == 50_001
    assert len(loops({**CHAIN, "50000": ["0"]})[0]) == 50_001
