"""Real kernels for tests: a notebook that runs cells, and workflows of python nodes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

HANG_SECONDS = 60


def python_graph(*codes: str, **data: Any) -> dict[str, Any]:
    """A chain start > p0 > p1 … > end, as the Builder API takes it; ``data`` is added to every python node."""
    nodes = [{"id": f"p{at}", "type": "python", "data": {"code": code, **data}} for at, code in enumerate(codes)]
    chain = ["start", *(node["id"] for node in nodes), "end"]
    return {
        "nodes": [{"id": "start", "type": "start"}, *nodes, {"id": "end", "type": "end"}],
        "edges": [{"source": source, "target": target} for source, target in pairwise(chain)],
    }


class Notebook:
    """A running kernel. A cell that fails raises."""

    def __init__(self, client: Any, manager: Any) -> None:
        self._client = client
        self._manager = manager

    async def begin(self, code: str) -> str:
        """Send a cell and do not wait for it."""
        return self._client.execute(code, store_history=False, allow_stdin=False)

    async def output(self, cell: str) -> str:
        """Wait for a cell and return what it printed."""
        try:
            async with asyncio.timeout(HANG_SECONDS):
                return await self._output(cell)
        except TimeoutError:
            state = "runs" if await self._manager.is_alive() else "has died"
            raise AssertionError(f"The cell did not end in {HANG_SECONDS} s; its kernel {state}.") from None

    async def _output(self, cell: str) -> str:
        text = ""
        while True:
            message = await self._client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                text += content["text"]
            elif message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return text.strip()

    async def run(self, code: str) -> str:
        """Run a cell and return what it printed."""
        return await self.output(await self.begin(code))


@asynccontextmanager
async def notebook(environment: Mapping[str, str] | None = None) -> AsyncIterator[Notebook]:
    """Start a kernel; it is killed at the end."""
    from jupyter_client.manager import AsyncKernelManager

    manager = AsyncKernelManager(kernel_name="python3")
    await manager.start_kernel(env={**os.environ, **(environment or {})})
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=HANG_SECONDS)
        yield Notebook(client, manager)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)
