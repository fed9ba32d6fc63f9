"""Where attempts run."""

import asyncio
import threading

from engine_kit import admit, check_history, engine_of, registry_of, workflow_of

from builder_jupyter.execution.events import Delta
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.base import Effect, NodeType, Place, StepResult


class Blocking(NodeType):
    """A step that blocks: it runs in a thread."""

    type = "blocking"
    profiles = frozenset({Profile.BUILDER})
    title = description = "blocks"
    effect = Effect.WORLD
    place = Place.THREAD

    def decide(self, context):
        context.emit("from the thread")
        return StepResult(result=threading.current_thread().name)


def test_a_step_that_blocks_runs_in_a_thread_and_streams_from_there():
    async def work():
        registry = registry_of()
        registry.add(Blocking)
        flow = workflow_of("start>a>end")
        flow = flow.with_nodes(type(n)(n.id, "blocking") if n.id == "a" else n for n in flow.nodes)
        run = await admit(engine_of(registry), flow)
        await asyncio.wait_for(run.wait(), 20)
        assert run.status is ExecutionStatus.COMPLETED
        check_history(run.published(), run.state.plan)
        assert run.state.visit("a", 1).result.result != threading.current_thread().name
        assert [r.event.text for r in run.published() if isinstance(r.event, Delta)] == ["from the thread"]

    asyncio.run(work())
