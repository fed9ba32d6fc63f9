"""A person decides: the run waits until somebody answers."""

from __future__ import annotations

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.base import Effect, NodeData, NodeType, StepContext, Wait


class HumanData(NodeData):
    """``prompt`` is shown; ``options`` are the answers to choose from; ``timeout`` is in seconds."""

    prompt: str = ""
    options: tuple[str, ...] = ()
    timeout: float | None = None


class Human(NodeType):
    """Suspends its branch at a waitpoint of kind ``human``; the rest of the run goes on."""

    type = "human"
    profiles = frozenset({Profile.BUILDER})
    title = "Human"
    description = "Waits for a person to answer or to choose an option."
    color = "#ef4444"
    icon = "☺"
    Data = HumanData
    effect = Effect.WORLD

    async def run(self, context: StepContext) -> Wait:
        """Ask, and wait for the answer."""
        data = HumanData.model_validate(context.node.data)
        return Wait(
            kind="human",
            request={"prompt": data.prompt, "options": list(data.options)},
            timeout_seconds=data.timeout,
        )
