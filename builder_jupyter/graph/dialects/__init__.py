"""Wire JSON <-> `Workflow`: one dialect for each profile, each lossless.

A dialect (`wire.Dialect`) is a table of names; reading checks the shape and reports every fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder_jupyter.graph.dialects import text as _text
from builder_jupyter.graph.dialects.builder import BUILDER, check_options, unwrap
from builder_jupyter.graph.dialects.direct import DIRECT
from builder_jupyter.graph.dialects.faults import OBJECT, Faults
from builder_jupyter.graph.dialects.text import parse_text
from builder_jupyter.graph.dialects.wire import Dialect
from builder_jupyter.graph.model import Profile, Workflow

__all__ = [
    "BUILDER",
    "DIRECT",
    "Dialect",
    "Faults",
    "check_options",
    "dialect_of",
    "parse_text",
    "read",
    "read_text",
    "unwrap",
    "write_text",
]

_DIALECTS = {dialect.profile: dialect for dialect in (BUILDER, DIRECT)}


def dialect_of(profile: Profile) -> Dialect:
    """Return the dialect in which workflows of a profile are written."""
    return _DIALECTS[profile]


def read(document: Any) -> Workflow:
    """Read a document of any dialect; ``document["dialect"]`` names it, ``builder`` when absent.

    Raises
    ------
    InvalidInput : ``code="INVALID_WORKFLOW"``; ``details`` lists every fault as ``{field, error}``.
    TooLarge : more than 5,000 nodes or 50,000 edges.
    """
    faults = Faults()
    name = Profile.BUILDER
    if faults.check(document, OBJECT, "body"):
        name = document.get("dialect", Profile.BUILDER)
    if name not in list(Profile):
        faults.add("dialect", f"must be one of {', '.join(Profile)}")
    faults.raise_if_any()
    return dialect_of(Profile(name)).read(document)


def read_text(text: str) -> Workflow:
    """Read a workflow from JSON text, with positions inside the nodes or apart in ``layout``.

    Raises
    ------
    InvalidInput : ``code="INVALID_WORKFLOW"``; for text that is not JSON the message names line and column.
    """
    document = parse_text(text)
    workflow = read(document)
    if isinstance(document, Mapping) and "layout" in document:
        return _text.apply_layout(workflow, document["layout"])
    return workflow


def write_text(workflow: Workflow) -> str:
    """Return the JSON text of a workflow: sorted keys, layout apart, the same for equal workflows."""
    return _text.write_text(workflow, dialect_of(workflow.profile))
