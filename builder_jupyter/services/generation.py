"""Write workflows as LangGraph modules."""

from __future__ import annotations

import asyncio

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import GeneratedModule, Options
from builder_jupyter.errors import Unprocessable
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import Principal
from builder_jupyter.services.tools import ToolService
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.validation import result


class GenerationService:
    """Turns workflows into code, if they are valid."""

    def __init__(self, workflows: WorkflowService, tools: ToolService) -> None:
        self._workflows = workflows
        self._tools = tools

    async def generate(self, principal: Principal, workflow: Workflow, options: Options) -> GeneratedModule:
        """Return a workflow's module; the loop goes on meanwhile.

        Raises
        ------
        Unprocessable : ``VALIDATION_FAILED`` with the verdict; ``NOT_EXPORTABLE``, see `codegen.generate`.
        """
        return await asyncio.to_thread(self._generate, principal, workflow, options)

    def _generate(self, principal: Principal, workflow: Workflow, options: Options) -> GeneratedModule:
        verdict = result(self._workflows.findings(principal, workflow))
        if not verdict["valid"]:
            raise Unprocessable("Workflow validation failed", details=verdict)
        return generate(workflow, options, tools=self._tools.specs(principal.workspace))
