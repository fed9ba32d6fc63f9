"""Fresh kernels: one an execution, for code that no notebook is there to run.

A kernel is another process, without the server's secrets: never the server itself. It lives as long as its execution
has steps for it, and no longer than it has something to do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

from builder_jupyter.errors import OutputInvalid, StepError
from builder_jupyter.nodes.code import Job, Outcome
from builder_jupyter.nodes.display import STDERR, STDOUT, Display

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager

log = logging.getLogger(__name__)

MAX_KERNELS = 16
IDLE_SECONDS = 600.0
START_SECONDS = 60.0
GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.5

SECRET = re.compile(
    r"^(BUILDER_JUPYTER|JUPYTERHUB|JPY|JUPYTER_TOKEN)|(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)",
    re.IGNORECASE,
)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what opens anything: our own keys, Jupyter's, and whatever is called a secret."""
    return {name: value for name, value in environment.items() if not SECRET.search(name)}


class Kernels:
    """The fresh kernels of a runtime. Used on its loop only.

    Parameters
    ----------
    root_dir : where kernels begin; the working directory when None.
    """

    def __init__(self, root_dir: Path | None = None, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._root_dir = root_dir
        self._idle_seconds = idle_seconds
        self._kernels: dict[str, _Kernel] = {}
        self._room = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, execution_id: str, job: Job, emit: Callable[[str], None]) -> Outcome:
        """Run a job in the execution's kernel, which is started for the first.

        Raises
        ------
        StepError : ``KERNEL_UNUSABLE`` when none can be started; ``WORKER_LOST`` when it dies.
        """
        kernel = await self._take(execution_id)
        try:
            return await kernel.run(job, emit)
        finally:
            kernel.users -= 1
            if not kernel.is_usable:
                self._close(execution_id, kernel)
            elif kernel.users == 0:
                kernel.rests(self._idle_seconds, lambda: self._close(execution_id, kernel))
                self._task(self._wake())

    def over(self, execution_id: str) -> None:
        """Shut the execution's kernel down, whatever it does."""
        kernel = self._kernels.get(execution_id)
        if kernel is not None:
            self._close(execution_id, kernel)

    async def stop(self) -> None:
        """Shut all kernels down and wait for that."""
        for execution_id in list(self._kernels):
            self.over(execution_id)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, execution_id: str) -> _Kernel:
        """Return the execution's kernel, when there is room for one: kernels at rest give way."""
        async with self._room:
            while execution_id not in self._kernels and len(self._kernels) >= MAX_KERNELS:
                resting = next((name for name, kernel in self._kernels.items() if kernel.users == 0), None)
                if resting is None:
                    await self._room.wait()
                else:
                    self.over(resting)
            kernel = self._kernels.get(execution_id)
            if kernel is None or not kernel.is_usable:
                kernel = self._kernels[execution_id] = _Kernel(self._root_dir)
            kernel.users += 1
            kernel.awake()
            return kernel

    def _close(self, execution_id: str, kernel: _Kernel) -> None:
        if self._kernels.get(execution_id) is kernel:
            del self._kernels[execution_id]
        self._task(kernel.close())
        self._task(self._wake())

    async def _wake(self) -> None:
        async with self._room:
            self._room.notify_all()

    def _task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Kernel:
    """One kernel. It does one job at a time."""

    def __init__(self, root_dir: Path | None) -> None:
        self.users = 0
        self.is_usable = True
        self._is_ready = False
        self._root_dir = root_dir
        self._turn = asyncio.Lock()
        self._manager: AsyncKernelManager | None = None
        self._client: AsyncKernelClient | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    def awake(self) -> None:
        """Forget that it is to be shut down."""
        if self._timer is not None:
            self._timer.cancel()

    def rests(self, seconds: float, end: Callable[[], None]) -> None:
        """Have it shut down unless it is used again before."""
        self.awake()
        self._timer = asyncio.get_running_loop().call_later(seconds, end)

    async def run(self, job: Job, emit: Callable[[str], None]) -> Outcome:
        await self._turn.acquire()
        try:
            if not self.is_usable:
                raise _lost(" before it began")
            await self._ready()
            with tempfile.TemporaryDirectory(prefix="builder-job-") as folder:
                return await self._perform(job, Path(folder), emit)
        except asyncio.CancelledError:
            self._stopping = asyncio.get_running_loop().create_task(self._interrupt())
            raise
        finally:
            if self._stopping is None:
                self._turn.release()

    async def _perform(self, job: Job, folder: Path, emit: Callable[[str], None]) -> Outcome:
        client = self._running_client()
        text = await asyncio.to_thread(job.to_json)
        await asyncio.to_thread((folder / "job.json").write_text, text, encoding="utf-8")
        code = f"__import__('builder_jupyter.client.fresh', fromlist=['run']).run({str(folder)!r})"
        asked = client.execute(code, store_history=False, allow_stdin=False)
        shown = _Shown(emit)
        while (message := await self._next(asked)) is not None:
            shown.take(message)
        return await asyncio.to_thread(_outcome, folder, shown)

    async def _next(self, asked: str) -> Mapping[str, Any] | None:
        """Return the next message that a request has caused; None when the kernel is done with it."""
        client = self._running_client()
        while True:
            try:
                message: Mapping[str, Any] = await client.get_iopub_msg(timeout=LOOK_SECONDS)
            except Empty:
                if not await self._is_alive():
                    self.is_usable = False
                    raise _lost("; what the step had done by then is not known") from None
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return None
            return message

    async def _ready(self) -> None:
        if self._is_ready:
            return
        from jupyter_client.manager import AsyncKernelManager

        manager = self._manager = AsyncKernelManager(kernel_name="python3")
        try:
            await manager.start_kernel(
                env=clean_environment(os.environ), **({"cwd": str(self._root_dir)} if self._root_dir else {})
            )
            client = self._client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=START_SECONDS)
        except Exception as error:
            self.is_usable = False
            raise StepError(f"No kernel could be started: {error}.", code="KERNEL_UNUSABLE", retryable=True) from error
        self._is_ready = True

    async def _is_alive(self) -> bool:
        return self._manager is not None and await self._manager.is_alive()

    def _running_client(self) -> AsyncKernelClient:
        if self._client is None:
            raise RuntimeError("the kernel has not been started")
        return self._client

    async def _interrupt(self) -> None:
        """Stop the code of a job that nobody waits for any more; a kernel that goes on regardless is given up."""
        try:
            if not self._is_ready or self._client is None or self._manager is None:
                await self.close()
                return
            await self._manager.interrupt_kernel()
            asked = self._client.kernel_info()
            async with asyncio.timeout(GRACE_SECONDS):
                while (await self._client.get_shell_msg())["parent_header"].get("msg_id") != asked:
                    continue
        except TimeoutError:
            await self.close()
        finally:
            self._stopping = None
            self._turn.release()

    async def close(self) -> None:
        """End the process: with a request, and by force if it does not listen."""
        self.awake()
        self.is_usable = False
        client, manager = self._client, self._manager
        self._client = self._manager = None
        if client is not None:
            client.stop_channels()
        if manager is not None and manager.has_kernel:
            await manager.shutdown_kernel(now=self.users > 0)


class _Shown(Display):
    """What a kernel has sent for a job."""

    fault: str | None = None

    def take(self, message: Mapping[str, Any]) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.write(STDOUT if content["name"] == "stdout" else STDERR, content["text"])
            case "display_data":
                self.show(content["data"])
            case "error":
                self.fault = f"{content['ename']}: {content['evalue']}"


def _lost(when: str) -> StepError:
    return StepError(f"The kernel that ran this step died{when}.", code="WORKER_LOST", retryable=True)


def _outcome(folder: Path, shown: _Shown) -> Outcome:
    """Read what a job has left in its folder."""
    path = folder / "outcome.json"
    if not path.exists():
        raise StepError(
            f"The kernel cannot run steps: {shown.fault or 'it said nothing'}.",
            code="KERNEL_UNUSABLE",
            hint="The kernel 'python3' needs builder_jupyter in its environment.",
        )
    frames = {file.stem: file.read_bytes() for file in folder.glob("*.parquet")}
    try:
        outcome = Outcome.from_json(path.read_text(encoding="utf-8"), frames)
    except (ValueError, TypeError) as error:
        raise OutputInvalid("The kernel's answer cannot be read.") from error
    outcome.display = [*shown.bundles(), *outcome.display]
    return outcome
