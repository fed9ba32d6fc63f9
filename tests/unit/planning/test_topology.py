"""Which edges close loops, how loops nest, and how deep steps lie."""

import pytest
from engine_kit import names_of, pairs

from builder_jupyter.errors import InvalidInput
from builder_jupyter.planning.topology import MAX_LOOP_DEPTH, EdgeKind, topology_of


class Shape:
    """A topology by names."""

    def __init__(self, text, trigger="", *, names=None):
        self.names = names or names_of(text)
        self.edges = pairs(text)
        self.at = at = {name: index for index, name in enumerate(self.names)}
        ends = [(at[source], at[target]) for source, target in self.edges]
        first = None if trigger is None else at[trigger or self.names[0]]
        self.topology = topology_of(len(at), ends, first)

    def of_kind(self, kind):
        return {">".join(self.edges[link.index]) for link in self.topology.links if link.kind is kind}

    def heads(self):
        """Head and depth of each loop."""
        return sorted((self.names[region.head], region.depth) for region in self.topology.regions[1:])

    def loop_around(self, name):
        region = self.topology.region_of[self.at[name]]
        return self.names[self.topology.regions[region].head] if region else None

    def levels(self):
        return dict(zip(self.names, self.topology.levels, strict=True))


def test_a_graph_without_loops_is_one_region():
    shape = Shape("a>b>d a>c>d")
    assert shape.heads() == []
    assert shape.of_kind(EdgeKind.FORWARD) == {"a>b", "b>d", "a>c", "c>d"}
    assert shape.topology.regions[0].members == 4
    assert shape.levels() == {"a": 0, "b": 1, "c": 1, "d": 2}


def test_a_loop_has_a_head_a_way_back_and_a_way_out():
    shape = Shape("a>work>check>work check>end")
    assert shape.heads() == [("work", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"check>work"}
    assert shape.of_kind(EdgeKind.EXIT) == {"check>end"}
    assert [shape.loop_around(name) for name in ("a", "work", "check", "end")] == [None, "work", "work", None]
    assert [region.members for region in shape.topology.regions] == [3, 2], "seen from outside, the loop is one"
    assert shape.levels() == {"a": 0, "work": 1, "check": 2, "end": 3}


def test_a_step_that_follows_itself_is_a_loop_of_one():
    shape = Shape("a>ask>ask ask>end")
    assert shape.heads() == [("ask", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"ask>ask"}
    assert shape.of_kind(EdgeKind.EXIT) == {"ask>end"}


def test_a_loop_in_a_loop():
    shape = Shape("a>outer>inner>inner2>inner inner2>last>outer last>end")
    assert shape.heads() == [("inner", 2), ("outer", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"inner2>inner", "last>outer"}
    assert shape.of_kind(EdgeKind.EXIT) == {"inner2>last", "last>end"}
    assert shape.loop_around("inner2") == "inner"
    outer = next(region for region in shape.topology.regions[1:] if region.depth == 1)
    assert outer.members == 3, "outer, last, and the inner loop as one"


def test_two_ways_back_to_one_head_are_one_loop():
    shape = Shape("a>head>b>head head>c>head head>end")
    assert shape.heads() == [("head", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"b>head", "c>head"}


def test_a_loop_behind_a_loop():
    shape = Shape("a>b>b2>b b2>c>c2>c c2>end")
    assert shape.heads() == [("b", 1), ("c", 1)]
    assert shape.of_kind(EdgeKind.EXIT) == {"b2>c", "c2>end"}


def test_a_loop_with_two_ways_in_has_the_first_entered_as_its_head():
    shape = Shape("a>b>c>b a>c c>end")
    assert shape.heads() == [("b", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"c>b"}
    assert shape.topology.awaited(shape.at["c"], (1,)) == 2, "the way in and the head"
    assert shape.topology.awaited(shape.at["c"], (2,)) == 1, "a way in is taken in the first iteration only"


def test_an_edge_may_leave_two_loops_at_once():
    shape = Shape("a>outer>inner>inner2>inner inner2>outer inner>end")
    link = next(link for link in shape.topology.links if shape.edges[link.index] == ("inner", "end"))
    assert link.kind is EdgeKind.EXIT
    assert shape.names[shape.topology.regions[link.region].head] == "outer"


def test_twin_edges_are_two_edges():
    assert Shape("a>b a>b").topology.awaited(1, ()) == 2


@pytest.mark.parametrize("first", ["check", "end", "start"])
def test_a_loop_is_entered_where_the_sources_lead_wherever_it_stands_in_the_workflow(first):
    # A target run has no trigger: the head must come from the steps that begin.
    names = sorted(["start", "work", "check", "end"], key=lambda name: (name != first, name))
    shape = Shape("start>work>check>work check>end", trigger=None, names=names)
    assert shape.heads() == [("work", 1)]
    assert shape.of_kind(EdgeKind.BACK) == {"check>work"}


def test_a_trigger_inside_a_loop_is_its_head():
    assert Shape("b>c>b side>b", trigger="c").heads() == [("c", 1)]


def nest(depth):
    return ">".join(f"s{i}" for i in range(depth + 1)) + "".join(f" s{depth}>s{i}" for i in range(1, depth + 1))


def test_loops_nest_to_a_documented_depth():
    assert max(depth for _, depth in Shape(nest(MAX_LOOP_DEPTH)).heads()) == MAX_LOOP_DEPTH
    with pytest.raises(InvalidInput) as refused:
        Shape(nest(MAX_LOOP_DEPTH + 1))
    assert refused.value.code == "LOOPS_TOO_DEEP"


def test_long_chains_need_no_stack():
    assert Shape(">".join(f"s{i}" for i in range(20_000))).levels()["s19999"] == 19_999


def test_a_loop_may_begin_with_several_steps_side_by_side():
    shape = Shape("a>b>d a>c>d d>r r>b r>c r>end")
    assert shape.heads() == [("b", 1)], "no loop in the loop"
    assert shape.of_kind(EdgeKind.BACK) == {"r>b", "r>c"}
    assert shape.of_kind(EdgeKind.FORWARD) == {"a>b", "b>d", "a>c", "c>d", "d>r"}
    join = shape.at["d"]
    assert [shape.topology.awaited(join, (number,)) for number in (1, 2)] == [2, 2]
    assert shape.levels() == {"a": 0, "b": 1, "c": 1, "d": 2, "r": 3, "end": 4}


def test_steps_side_by_side_may_be_led_back_to_by_different_routers():
    shape = Shape("a>b>d a>c>d d>r>b d>q>c r>end q>end")
    assert shape.of_kind(EdgeKind.BACK) == {"r>b", "q>c"}


def test_two_thousand_steps_that_begin_a_loop_side_by_side():
    branches = " ".join(f"a>s{i}>join r>s{i}" for i in range(2_000))
    shape = Shape(f"{branches} join>r>end")
    assert len(shape.topology.regions) == 2
    assert len(shape.of_kind(EdgeKind.BACK)) == 2_000


def test_an_inner_loop_with_one_way_in_stays_one_even_if_that_is_from_outside():
    shape = Shape("a>o>i>j>i j>k>o a>i k>end")
    assert shape.heads() == [("i", 2), ("o", 1)]
