"""Workflows to begin with, one JSON file each. Source: spec langgraph-builder §13."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from builder_jupyter.errors import NotFound
from builder_jupyter.graph.model import Workflow

DIFFICULTIES = ("beginner", "intermediate", "advanced")


@dataclass(frozen=True, slots=True)
class Template:
    """A complete workflow under a name of its own; ``difficulty`` is one of `DIFFICULTIES`."""

    id: str
    difficulty: str
    workflow: Workflow


@cache
def _templates() -> dict[str, Template]:
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".json")]
    read = [(file.name.removesuffix(".json"), json.loads(file.read_text(encoding="utf-8"))) for file in files]
    found = [Template(name, document["difficulty"], Workflow.from_dict(document)) for name, document in read]
    found.sort(key=lambda one: (DIFFICULTIES.index(one.difficulty), one.id))
    return {template.id: template for template in found}


def list_templates() -> Sequence[Template]:
    """Return all templates, easiest first."""
    return list(_templates().values())


def get_template(template_id: str) -> Template:
    """Return a template by its id. Raises `NotFound` (``TEMPLATE_NOT_FOUND``)."""
    template = _templates().get(template_id)
    if template is None:
        known = ", ".join(_templates())
        raise NotFound(f"There is no template {template_id!r}.", code="TEMPLATE_NOT_FOUND", hint=f"Known: {known}.")
    return template
