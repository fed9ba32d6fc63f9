"""Our engine and generated LangGraph code mean the same (docs/engine.md, "Beside LangGraph").

The long run, which prints what it has seen::

    EQUIVALENCE_GRAPHS=2000 python -m pytest tests/property/test_equivalence.py -q -s
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, note, settings
from hypothesis import strategies as st
from runnable import runnable, whole
from side_by_side import Script, TooLong, on_langgraph, on_the_engine
from tangled import dressed, tangled

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.shape import shape_of
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.graph.names import input_keys

GRAPHS = int(os.environ.get("EQUIVALENCE_GRAPHS", "100"))
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if GRAPHS <= 100 else [])]  # that takes minutes
TALLY: Counter[str] = Counter()


@st.composite
def cases(draw):
    """A workflow, the rounds of its loops as `runnable` plans them, and a seed for the script."""
    family = draw(st.sampled_from(["runnable", "whole", "tangled", "tangled"]))
    if family != "tangled":
        made, rounds = draw(runnable(whole) if family == "whole" else runnable())
        return draw(dressed(st.just(made))), rounds, draw(st.integers(0, 2**20))
    return draw(dressed(tangled())), {}, draw(st.integers(0, 2**20))


BY_PLACE = Workflow(
    "by place",
    (
        Node("start", "start"),
        Node("n0", "router", {"conditions": ["red", "green"], "default": "red"}),
        Node("n1", "agent", {"prompt": "n1"}),
        Node("end0", "end", {"output": "state.messages[-1]"}),
    ),
    (Edge("start", "n0"), Edge("n0", "end0"), Edge("n0", "n1"), Edge("n1", "end0")),
)
"""No edge has the label of the default, so all are taken when nothing matches."""


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    print(f"\n{dict(sorted(TALLY.items()))}")


@settings(
    max_examples=GRAPHS,
    deadline=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@example((BY_PLACE, {}, 1), False, False)
@given(cases(), st.booleans(), st.booleans())
def test_the_engine_and_generated_code_do_the_same(case, is_async, one_by_one):
    workflow, rounds, seed = case
    asked = seed % 5 == 0 and "query" in input_keys(workflow)
    inputs = {"query": "why red"} if asked else {"messages": [{"role": "user", "content": "go"}], "query": "why"}
    try:
        ours = on_the_engine(workflow, inputs, Script(seed, rounds))
    except TooLong:
        assume(False)
    module = generate(workflow, Options(async_mode=is_async, include_types=seed % 3 > 0, include_mcp_tools=False))
    note(f"{workflow}\n{module.code}")
    shape = shape_of(workflow)
    kind = "dispatched" if shape.dispatched else "blocks" if shape.joins or shape.beside else "sequential"
    theirs = on_langgraph(module.code, inputs, Script(seed, rounds), is_async=is_async, one_by_one=one_by_one)
    TALLY.update({f"graphs {kind}": 1, "graphs": 1, "graphs async": is_async, "differences": ours != theirs})
    TALLY.update({"visits": sum(map(len, ours.visits.values())), "model requests": sum(map(len, ours.asked.values()))})
    TALLY.update({"tool calls": sum(ours.called.values()), "questions": sum(map(len, ours.humans.values()))})
    if TALLY["graphs"] % 200 == 0:
        print(dict(sorted(TALLY.items())), flush=True)
    assert dict(ours.visits) == dict(theirs.visits)
    assert ours.asked == theirs.asked
    assert ours.called == theirs.called
    assert ours.humans == theirs.humans
    assert ours.output == theirs.output
    assert ours.results == theirs.results
