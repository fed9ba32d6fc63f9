"""What the Tab key offers behind the magics: workflows and the inputs that they read, questions about costs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from builder_jupyter.client.default import default_client
from builder_jupyter.client.focus import FocusData, questions
from builder_jupyter.errors import BuilderError
from builder_jupyter.graph.dialects.plain_lines import WORD
from builder_jupyter.graph.model import Workflow, canonical_json
from builder_jupyter.notebook.arguments import QUOTED, split, target

MAGICS = "workflow|run_workflow|versions|runs|answer|approve|replay|diff|canvas|validate|focus"
"""A regular expression: the magics whose lines are completed."""

USE_CASE = "use-case"
"""What stands before the name of a question behind ``%focus``."""

_CALL = re.compile(rf"%(?P<magic>{MAGICS})\s+(?P<line>[^\n]*)\Z")
_LINE = re.compile(rf"(?P<before>(?:\s|{QUOTED}\s)*)(?P<typed>(?:{QUOTED})?(?:\"(?:[^\"\\]|\\.)*|'[^']*)?)\Z")
_STATE = re.compile(r"\bstate\.([^\W\d]\w*)")
_OPTIONS = {
    "workflow": ("--from-code", "--no-save", "--as", "--message"),
    "run_workflow": ("--trigger", "--quiet"),
    "runs": ("--limit", "--to"),
    "answer": ("--step",),
    "approve": ("--step",),
    "replay": ("--from", "--visit", "--edit", "--quiet"),
    "focus": ("--data", "--from", "--to-date", "--to", "--plot"),
}


def complete(shell: Any, event: Any) -> list[str]:
    """Return what may follow in the line of one of our magics; a hook of IPython's ``complete_command``.

    ``event.symbol``, what IPython takes for the word, may be less than the argument: a name may have blanks. Nothing
    is offered when the client cannot answer.
    """
    call = _CALL.search(event.text_until_cursor)
    words = _LINE.match(call["line"]) if call else None
    if call is None or words is None:
        return []
    before, typed = words["before"].strip(), words["typed"]
    try:
        offers = list(_offers(call["magic"], before, typed, shell.user_ns))
    except BuilderError:
        return []
    known = len(typed) - len(event.symbol)
    return [offer[known:] for offer in offers if offer.startswith(typed)]


def input_names(workflow: Workflow) -> list[str]:
    """Return the names of the inputs that a workflow reads, ``message`` first: what its nodes' data say of ``state``.

    A trigger's ``inputKey`` is one too. Names that a node sets for the nodes after it may be among them.
    """
    names = ["message"] if any(node.type == "start" for node in workflow.nodes) else []
    for node in workflow.nodes:
        if node.type == "prompt-trigger":
            names.append(str(node.data.get("inputKey", "prompt")))
        names += _STATE.findall(canonical_json(node.data))
    return [name for name in dict.fromkeys(names) if name != "messages"]


def _offers(magic: str, before: str, typed: str, variables: Any) -> Iterator[str]:
    if typed.startswith("-"):
        yield from _OPTIONS.get(magic, ())
    elif magic == "focus":
        yield from _questions(split(before), variables)
    elif not before:
        yield from _quoted(default_client().workflows()["name"])
    elif magic == "run_workflow":
        found = target(split(before)[0], variables)
        workflow = found if isinstance(found, Workflow) else default_client().workflow(found)
        if before.endswith("--trigger"):
            yield from (node.id for node in workflow.nodes)
        else:
            yield from (f"{name}=" for name in input_names(workflow) if f"{name}=" not in before)


def _questions(before: list[str], variables: Any) -> Iterator[str]:
    """Yield what may stand behind ``%focus``: datasets, the word, names of questions, parameters of one."""
    if before[-1:] == ["--data"]:
        yield from (f"${name}" for name, found in variables.items() if isinstance(found, FocusData) and name[0] != "_")
    elif USE_CASE not in before:
        yield USE_CASE
    elif before[-1] == USE_CASE:
        yield from questions()
    else:
        name = before[before.index(USE_CASE) + 1]
        yield from (f"{parameter}=" for parameter in questions().get(name, ()))


def _quoted(names: Iterable[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        yield name if WORD.fullmatch(name) else json.dumps(name, ensure_ascii=False)
