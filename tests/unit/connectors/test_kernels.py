"""Fresh kernels without a server: real processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from builder_jupyter.connectors import kernels
from builder_jupyter.connectors.kernels import Kernels, clean_environment
from builder_jupyter.errors import StepError
from builder_jupyter.nodes.code import Job, Outcome
from builder_jupyter.nodes.display import STDOUT

HANG_SECONDS = 120


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def run(made: Kernels, code: str, execution: str = "one", said: list[str] | None = None) -> Outcome:
    async with asyncio.timeout(HANG_SECONDS):
        return await made.run(execution, Job("n", code, {}), (said if said is not None else []).append)


def test_an_environment_without_secrets() -> None:
    secret = (
        "BUILDER_JUPYTER_KEY", "BUILDER_JUPYTER_URL", "JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN",
        "JUPYTERHUB_USER", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DB_PASSWORD", "apikey",
        "GOOGLE_APPLICATION_CREDENTIALS",
    )  # fmt: skip
    plain = ("PATH", "HOME", "KEYBOARD", "TOKENIZERS_PARALLELISM", "JUPYTER_PATH", "MONKEY")
    assert set(clean_environment(dict.fromkeys((*secret, *plain), "x"))) == set(plain)


async def test_one_kernel_an_execution_one_job_at_a_time(tmp_path: Path) -> None:
    made = Kernels(tmp_path)
    said: list[str] = []
    try:
        code = "import os\nn = globals().get('n', 0) + 1\nprint(n)\n[os.getpid(), n, os.getcwd()]"
        first, second, other = await asyncio.gather(
            run(made, code, said=said), run(made, code, said=said), run(made, code, "two")
        )
        assert sorted([first.value[1], second.value[1]]) == [1, 2]
        assert first.value[0] == second.value[0] != other.value[0]
        assert other.value[1:] == [1, str(tmp_path)]
        assert "".join(said).split() == ["1", "2"]
        waits = await run(made, "import asyncio\nprint('a')\nawait asyncio.sleep(0)\nprint('b')\n'c'")
        assert (waits.value, waits.display) == ("c", [{STDOUT: "a\nb\n"}])
        assert (await run(made, "input()")).error is not None, "nobody is there to answer"
    finally:
        await made.stop()
    assert not is_running(first.value[0])
    assert not is_running(other.value[0])


async def test_a_cancelled_job_is_interrupted_and_the_kernel_goes_on(tmp_path: Path) -> None:
    made = Kernels(tmp_path)
    said: list[str] = []
    try:
        task = asyncio.create_task(run(made, "kept = 5\nprint('begun')\nwhile True:\n    pass", said=said))
        async with asyncio.timeout(HANG_SECONDS):
            while not said:
                await asyncio.sleep(0.01)
        task.cancel()
        assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError
        assert (await run(made, "kept")).value == 5
    finally:
        await made.stop()


async def test_a_kernel_that_ignores_interrupts_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "GRACE_SECONDS", 0.5)
    made = Kernels(tmp_path)
    said: list[str] = []
    try:
        deaf = (
            "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint(os.getpid())\nwhile True:\n    pass"
        )
        task = asyncio.create_task(run(made, deaf, said=said))
        async with asyncio.timeout(HANG_SECONDS):
            while not said:
                await asyncio.sleep(0.01)
            task.cancel()
            while is_running(int(said[0])):
                await asyncio.sleep(0.05)
        assert (await run(made, "'fresh'")).value == "fresh"
    finally:
        await made.stop()


async def test_resting_kernels_give_way_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "MAX_KERNELS", 1)
    made = Kernels(tmp_path, idle_seconds=0.2)
    try:
        first, second = await asyncio.gather(
            run(made, "import os\nos.getpid()"), run(made, "import os\nos.getpid()", "two")
        )
        assert first.value != second.value
        async with asyncio.timeout(HANG_SECONDS):
            while is_running(first.value) or is_running(second.value):
                await asyncio.sleep(0.05)
    finally:
        await made.stop()


async def test_a_kernel_without_the_package_says_so(tmp_path: Path) -> None:
    made = Kernels(tmp_path)
    try:
        await run(made, "import sys\nsys.modules['builder_jupyter.client.fresh'] = None")
        with pytest.raises(StepError, match="needs builder_jupyter") as error:
            await run(made, "1")
        assert error.value.code == "KERNEL_UNUSABLE"
    finally:
        await made.stop()
