"""Where the work of an attempt is done. One small interface, so that a cluster can be another place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from builder_jupyter.nodes.base import NodeType, Place, StepContext, StepResult, Wait


class Executor(Protocol):
    """A place that runs attempts."""

    async def run(self, node_type: NodeType, context: StepContext) -> StepResult | Wait:
        """Run one attempt to its end. Cancelling it stops the work, where the place can."""
        ...


class OnLoop:
    """The engine's own loop: for steps that await."""

    async def run(self, node_type: NodeType, context: StepContext) -> StepResult | Wait:
        """Await the node type's `run`."""
        return await node_type.run(context)


class InThread:
    """A thread: for steps that block. One that is cancelled runs on, and what it returns is refused."""

    async def run(self, node_type: NodeType, context: StepContext) -> StepResult | Wait:
        """Call the node type's `decide` in a thread."""
        loop = asyncio.get_running_loop()

        def emit(text: str) -> None:
            loop.call_soon_threadsafe(context.emit, text)

        return await asyncio.to_thread(node_type.decide, replace(context, emit=emit))


HERE: Mapping[Place, Executor] = {Place.LOOP: OnLoop(), Place.THREAD: InThread()}
"""The places that need nothing else."""
