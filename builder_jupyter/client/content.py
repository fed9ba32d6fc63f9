"""What a client looks at: whether a workflow needs a kernel, what of it is compared, what a run is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.model import FrozenDict, Workflow
from builder_jupyter.graph.version import without_marks


def has_code(workflow: Workflow) -> bool:
    """Say whether some node of a workflow runs in a kernel."""
    from builder_jupyter.nodes.base import Place
    from builder_jupyter.nodes.registry import default_registry

    registry = default_registry()
    kinds = {registry.find(workflow.profile, node.type) for node in workflow.nodes}
    return any(kind is not None and kind.place is Place.KERNEL for kind in kinds)


def content_of(workflow: Workflow) -> Workflow:
    """Return a workflow as it is compared: the Builder API writes tags and marks into every workflow it gives out."""
    bare = without_marks(workflow)
    metadata = {name: value for name, value in bare.metadata.items() if (name, value) != ("tags", ())}
    return replace(bare, metadata=FrozenDict(metadata))


def inputs_of(inputs: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the inputs of a run as they were given: by name, or one text, the message.

    Raises
    ------
    InvalidInput : ``INVALID_INPUTS``.
    """
    if inputs is None:
        return {}
    if isinstance(inputs, str):
        return {"message": inputs}
    if not isinstance(inputs, Mapping):
        raise InvalidInput("Inputs are a mapping of names to values, or one text.", code="INVALID_INPUTS")
    return dict(inputs)
