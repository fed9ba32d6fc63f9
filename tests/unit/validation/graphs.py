"""Registries of tiny node types and short ways to write graphs."""

from itertools import pairwise

from builder_jupyter.graph.model import Edge, Node, Port, PortType, Profile, Workflow, freeze
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.validation import validate


def kind(name, profile=Profile.BUILDER, inputs=(), outputs=()):
    members = {
        "type": name,
        "profiles": frozenset({profile}),
        "title": name,
        "description": name,
        "inputs": inputs,
        "outputs": outputs,
    }
    return type(name, (NodeType,), members)


TEXT_IN, TEXT_OUT = Port("prompt-in", PortType.TEXT), Port("text-out", PortType.TEXT)
IMAGE_OUT, MEDIA_IN = Port("image-out", PortType.IMAGE), Port("media-in", PortType.MEDIA)

REGISTRY = Registry(
    (
        *(kind(name) for name in ("start", "agent", "router", "tool", "human", "end")),
        kind("prompt", Profile.DIRECT, (TEXT_IN,), (TEXT_OUT,)),
        kind("generate-image", Profile.DIRECT, (TEXT_IN,), (IMAGE_OUT,)),
        kind("show", Profile.DIRECT, (MEDIA_IN,)),
        kind("shape", Profile.DIRECT),
    )
)
TOOLS = ("web_search", "calculator")


def graph(nodes, *edges, **data):
    """Make a workflow of ``"start agent:a end"`` and ``"start>a>end"``, ``"a>b:label"``; data by node id."""
    made = []
    for word in nodes.split():
        type_name, _, node_id = word.partition(":")
        node_id = node_id or type_name
        default = {"prompt": "p"} if type_name == "agent" else {}
        made.append(Node(node_id, type_name, freeze(data.get(node_id, default))))
    return Workflow(nodes=made, edges=[edge for chain in edges for edge in chain_of(chain)])


def chain_of(chain):
    path, _, label = chain.partition(":")
    ids = path.split(">")
    return [Edge(a, b, label=label or None) for a, b in pairwise(ids)]


def found(workflow, **kwargs):
    return validate(workflow, registry=REGISTRY, tool_names=kwargs.pop("tool_names", TOOLS))


def codes(workflow):
    """Return ``CODE`` or ``CODE:node_id`` of each finding."""
    return [f"{f.code}:{f.node_id}" if f.node_id is not None else f.code for f in found(workflow)]
