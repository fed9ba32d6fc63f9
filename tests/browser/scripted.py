"""A model that writes its answer word by word. What it is asked for decides how: see `answer_to`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from builder_jupyter.errors import StepError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Usage

WORDS = "Thank you for writing to us . We looked into it at once and found the second charge ; it is refunded today ."


class SlowModel:
    """Streams `WORDS`; a prompt with ``forever`` never ends, with ``fail`` fails, with ``fast`` does not wait."""

    name = "scripted"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        asked = " ".join(message.content for message in request.messages)
        words = WORDS.split()
        pause = 0.0 if "fast" in asked else 0.04
        count = 0
        while count < len(words) or "forever" in asked:
            await asyncio.sleep(pause)
            yield ChatChunk(words[count % len(words)] + " ")
            count += 1
            if "fail" in asked and count == 8:
                raise StepError("The provider refused the request: quota used up.", code="QUOTA")
        yield ChatChunk("", usage=Usage(self.name, len(asked.split()), count))


class SlowModels:
    """Gives everybody the same model."""

    def limits(self, name: str | None) -> tuple[str, ...]:
        del name
        return ()

    async def get(self, name: str | None) -> SlowModel:
        del name
        return SlowModel()


def install() -> None:
    """Let every runtime that is started from now on use the model."""
    from builder_jupyter.services import runtime

    runtime.ModelHub = lambda **_: SlowModels()  # type: ignore[assignment,misc]
