"""What a run asks for: the fields of the form that each trigger gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.model import Profile, thaw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.graph.model import Node, Workflow
    from builder_jupyter.nodes.registry import Registry

_NAME = re.compile(r"\bstate\.([A-Za-z][A-Za-z0-9_]*)")
_NO_INPUTS = frozenset({"messages", "results", "output"})  # what the engine itself puts into the state
_MESSAGE_READERS = frozenset({"agent", "router"})
_MANY = {"name": "*", "label": "More inputs (JSON)", "kind": "json", "value": ""}


def triggers_of(workflow: Workflow, registry: Registry) -> list[dict[str, Any]]:
    """Return the nodes that a run can begin with: ``{"node", "label", "fields"}``.

    A field is ``{"name", "label", "kind", "value"}``; ``kind`` is ``text`` (several lines), ``line`` or ``json``, an
    object whose members are inputs.
    """
    found = []
    for node in workflow.nodes_by_id.values():
        kind = registry.find(workflow.profile, node.type)
        if kind is not None and kind.is_trigger:
            found.append({"node": node.id, "label": node.label, "fields": _fields(workflow, node)})
    return found


def _fields(workflow: Workflow, trigger: Node) -> list[dict[str, str]]:
    if workflow.profile is Profile.BUILDER:
        return [*(_field(name) for name in inputs_read(workflow)), _MANY]
    if trigger.type == "prompt-trigger":
        key, prompt = trigger.data.get("inputKey", "prompt"), trigger.data.get("prompt", "")
        return [_field(str(key), str(prompt), kind="text")]
    return [{"name": "*", "label": "Event (JSON)", "kind": "json", "value": ""}]


def inputs_read(workflow: Workflow) -> list[str]:
    """Return the different inputs that nodes of a builder workflow read, in the order in which they do."""
    return list(dict.fromkeys(_state_names(workflow)))


def _field(name: str, value: str = "", *, kind: str = "") -> dict[str, str]:
    label = name.replace("_", " ")
    label = label[:1].upper() + label[1:]
    return {"name": name, "label": label, "kind": kind or ("text" if name == "message" else "line"), "value": value}


def _state_names(workflow: Workflow) -> Iterator[str]:
    """Yield the inputs that the nodes read: the message, where anybody reads it, and every ``state.<name>``."""
    if any(node.type in _MESSAGE_READERS for node in workflow.nodes):
        yield "message"
    for node in workflow.nodes:
        for text in _texts(thaw(node.data)):
            yield from (name for name in _NAME.findall(text) if name not in _NO_INPUTS)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
