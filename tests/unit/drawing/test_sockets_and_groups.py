from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.drawing.pictures import to_mermaid, to_svg
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

ROUTER = freeze({"conditions": [{"label": "billing", "pattern": "bill"}, "tech", {"pattern": "x"}], "default": "else"})
ROUTED = Workflow(
    nodes=[
        Node("start", "start"),
        Node("r", "router", ROUTER),
        Node("h", "human", freeze({"options": ["yes", "no"], "timeout": 5})),
        Node("end", "end"),
    ],
    edges=[
        Edge("start", "r"),
        Edge("r", "h", label="billing"),
        Edge("r", "h", source_port="tech"),
        Edge("r", "end", label="nobody knows"),
        Edge("h", "end", condition="timeout"),
    ],
    metadata=freeze({"groups": [{"id": "g", "title": 'Ask <a> "person"', "nodes": ["r", "h"]}]}),
)
PORTS = Workflow(
    profile=Profile.DIRECT,
    nodes=[Node("p", "prompt"), Node("t", "text-gen"), Node("q", "unheard-of")],
    edges=[Edge("p", "t"), Edge("t", "q")],
)


def by_id(document):
    return {node["id"]: node for node in document["nodes"]}


def sockets(document):
    return {(edge["source"], edge["target"]): edge.get("sockets") for edge in document["edges"]}


def test_nodes_that_choose_have_their_ways_out():
    nodes = by_id(canvas_document(ROUTED))
    assert nodes["r"]["routes"] == ["billing", "tech", "else", ""]
    assert nodes["h"]["routes"] == ["yes", "no", "timeout"]
    assert "routes" not in nodes["start"]


def test_edges_say_which_way_out_they_take():
    assert sockets(canvas_document(ROUTED)) == {
        ("start", "r"): None,
        ("r", "h"): [["billing", None], ["tech", None]],
        ("r", "end"): [["", None]],
        ("h", "end"): [["timeout", None]],
    }


def test_types_with_ports_have_them_in_their_looks_and_edges_the_ones_that_fit():
    document = canvas_document(PORTS)
    assert document["looks"]["prompt"]["outputs"] == [{"name": "text-out", "type": "text"}]
    (output,) = document["looks"]["prompt"]["outputs"]
    first = next(port for port in document["looks"]["text-gen"]["inputs"] if port["type"] in ("text", "context"))
    assert sockets(document) == {("p", "t"): [[output["name"], first["name"]]], ("t", "q"): None}
    assert "routes" not in by_id(document)["p"]


def test_groups_are_drawn_behind_their_members():
    document = canvas_document(ROUTED)
    assert document["groups"] == [{"id": "g", "title": 'Ask <a> "person"', "nodes": ["r", "h"]}]
    svg = to_svg(ROUTED)
    assert "Ask &lt;a&gt; &quot;person&quot;" in svg
    assert svg.index('class="group"') < svg.index('class="edge')
    assert 'subgraph g0["Ask' in to_mermaid(ROUTED)


def test_the_picture_is_as_large_as_its_groups():
    nodes = [Node("start", "start", position=Position(0, 0))]
    bare = Workflow(nodes=nodes)
    boxed = Workflow(nodes=nodes, metadata=freeze({"groups": [{"id": "g", "title": "t", "nodes": ["start"]}]}))
    assert 'viewBox="-106 -46 212 92"' in to_svg(bare)
    assert 'viewBox="-128 -96 256 164"' in to_svg(boxed)
