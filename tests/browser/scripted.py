"""A model that writes its answer word by word. What it is asked for decides how: see `answer_to`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from builder_jupyter.errors import StepError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Usage

WORDS = "Thank you for writing to us . We looked into it at once and found the second charge ; it is refunded today ."


class SlowModel:
    """Streams `WORDS`, as what it is asked with says.

    With ``forever`` it never ends, with ``fail`` it fails, with ``outage`` it fails the first time that it is asked
    this, with ``fast`` it does not wait, neither for the first word nor for another.
    """

    name = "scripted"
    outages: ClassVar[set[str]] = set()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        asked = " ".join(message.content for message in request.messages)
        words = WORDS.split()
        pause = 0.0 if "fast" in asked else 0.04
        await asyncio.sleep(8 * pause)  # long enough to be seen running
        count = 0
        while count < len(words) or "forever" in asked:
            await asyncio.sleep(pause)
            yield ChatChunk(words[count % len(words)] + " ")
            count += 1
            if count == 8 and ("fail" in asked or self._is_out(asked)):
                raise StepError("The provider refused the request: quota used up.", code="QUOTA")
        yield ChatChunk("", usage=Usage(self.name, len(asked.split()), count))

    def _is_out(self, asked: str) -> bool:
        is_first = "outage" in asked and asked not in self.outages
        self.outages.add(asked)
        return is_first


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
