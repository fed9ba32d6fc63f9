"""Workflow -> the source of a LangGraph module. The one way in."""

from __future__ import annotations

from collections.abc import Sequence

from builder_jupyter.codegen.functions import WRITABLE
from builder_jupyter.codegen.module import ModuleWriter
from builder_jupyter.codegen.options import GeneratedModule, Options
from builder_jupyter.errors import Unprocessable
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.nodes.chat import ToolSpec

DEFAULTS = Options()


def generate(workflow: Workflow, options: Options = DEFAULTS, *, tools: Sequence[ToolSpec] = ()) -> GeneratedModule:
    """Return a module that does what the engine does with a workflow (docs/codegen.md).

    The same workflow and options give the same text. Time is linear in nodes and edges.

    Parameters
    ----------
    workflow : one without errors, as `validation.validate` finds them.
    tools : the tools on offer; agents' models are shown their descriptions and parameters.

    Raises
    ------
    Unprocessable : ``NOT_EXPORTABLE`` for a canvas, and for node types that LangGraph has nothing for.
    """
    if workflow.profile is not Profile.BUILDER:
        raise Unprocessable(
            f"Workflow {workflow.name!r} is a canvas, and only workflows of the Builder API can be written as code.",
            code="NOT_EXPORTABLE",
        )
    others = [node for node in workflow.nodes if node.type not in WRITABLE]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        shown = ", ".join(repr(node.id) for node in others[:5]) + more
        raise Unprocessable(
            f"These nodes have no counterpart in LangGraph: {shown}.",
            code="NOT_EXPORTABLE",
            details={"node_ids": [node.id for node in others]},
            hint="Take them out, or run the workflow here.",
        )
    writer = ModuleWriter(workflow, options, tools)
    code = writer.code()
    # Nothing is answered that Python would not read. Compiling runs nothing, and takes a third of the time of
    # `ast.parse`, whose trees are objects.
    compile(code, writer.filename, "exec", dont_inherit=True)
    return GeneratedModule(code, writer.filename, writer.dependencies)
