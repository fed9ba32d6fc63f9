"""What Jupyter's own ``/metrics`` says of executions. Counters belong to the process, so differences are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from server import START_AGENT_END, Call

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError
from builder_jupyter.rest.metrics import OTHER, Names
from builder_jupyter.services.runtime import Runtime

Samples = dict[str, float]


@pytest.fixture
def scrape(call: Call, jp_auth_header: dict[str, str]) -> Callable[[], Awaitable[Samples]]:
    async def ask() -> Samples:
        answer = await call("GET", "/metrics", headers=jp_auth_header)
        assert answer.status == 200
        found = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                if sample.name.startswith("builder_jupyter_") and "le" not in sample.labels:
                    name = sample.name.removeprefix("builder_jupyter_")
                    labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
                    found[f"{name}{{{labels}}}" if labels else name] = sample.value
        return found

    return ask


def more(before: Samples, after: Samples) -> Samples:
    """Return what has risen, without the times that nobody can know."""
    gone_up = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    return {n: v for n, v in gone_up.items() if not n.partition("{")[0].endswith(("_created", "_sum"))}


async def settled(runtime: Runtime) -> None:
    async def wait() -> None:
        await asyncio.sleep(0)
        await runtime.executions.settle()

    await runtime.portal.ask(wait())


async def test_a_run_that_ends_well(
    scrape: Callable[[], Awaitable[Samples]],
    save: Callable[..., Awaitable[str]],
    call: Call,
    full_key: str,
    *,
    runtime: Runtime,
) -> None:
    canvas = await save()
    before = await scrape()
    run = {"canvasId": canvas, "triggerNodeId": "start", "inputs": {"message": "one two"}, "sync": True}
    ended = (await call("POST", "/api/run", key=full_key, body=run)).json
    assert ended["status"] == "completed"
    await settled(runtime)
    rise = more(before, await scrape())
    assert rise.pop("journal_commit_seconds_count") >= 1
    assert rise.pop("credits_settled_total") == ended["credits"]["charged"] > 0
    usage = next(step["usage"] for step in ended["steps"] if step["usage"])
    assert rise == {
        "executions_started_total{trigger=api}": 1,
        "executions_finished_total{status=completed}": 1,
        "steps_finished_total{status=completed,type=start}": 1,
        "steps_finished_total{status=completed,type=agent}": 1,
        "steps_finished_total{status=completed,type=end}": 1,
        "step_seconds_count{type=start}": 1,
        "step_seconds_count{type=agent}": 1,
        "step_seconds_count{type=end}": 1,
        "model_tokens_total{direction=input,model=scripted}": usage["inputTokens"],
        "model_tokens_total{direction=output,model=scripted}": usage["outputTokens"],
    }


async def test_a_run_that_fails(
    scrape: Callable[[], Awaitable[Samples]],
    save: Callable[..., Awaitable[str]],
    call: Call,
    full_key: str,
    *,
    runtime: Runtime,
    scripted: ScriptedModel,
) -> None:
    scripted.script = [ProviderError("The model hung up.")]
    canvas = await save()
    before = await scrape()
    run = {"canvasId": canvas, "triggerNodeId": "start", "sync": True}
    assert (await call("POST", "/api/run", key=full_key, body=run)).json["status"] == "error"
    await settled(runtime)
    rise = more(before, await scrape())
    assert rise["executions_finished_total{status=error}"] == 1
    assert rise["steps_finished_total{status=error,type=agent}"] == 1
    assert rise["steps_finished_total{status=skipped,type=end}"] == 1
    assert "step_seconds_count{type=end}" not in rise


async def test_what_waits_and_what_runs(
    scrape: Callable[[], Awaitable[Samples]],
    save: Callable[..., Awaitable[str]],
    call: Call,
    full_key: str,
    *,
    runtime: Runtime,
    scripted: ScriptedModel,
) -> None:
    human = [*START_AGENT_END["nodes"][:1], {"id": "agent", "type": "human"}, *START_AGENT_END["nodes"][2:]]
    scripted.gate = asyncio.Event()
    for canvas in (await save(nodes=human), await save()):
        run = {"canvasId": canvas, "triggerNodeId": "start"}
        assert (await call("POST", "/api/run", key=full_key, body=run)).status == 202
    async with asyncio.timeout(30):
        while (runtime.executions.waiting, runtime.executions.running) != (1, 1):
            await asyncio.sleep(0)
    found = await scrape()
    assert (found["executions_waiting"], found["executions_running"]) == (1, 1)
    assert found["journal_queue_rows"] >= 0


async def test_labels_name_no_workflow_and_need_a_credential(
    call: Call, save: Callable[..., Awaitable[str]], full_key: str, jp_auth_header: dict[str, str]
) -> None:
    canvas = await save()
    run = {"canvasId": canvas, "triggerNodeId": "start", "sync": True}
    ended = (await call("POST", "/api/run", key=full_key, body=run)).json
    shown = await call("GET", "/metrics", headers=jp_auth_header)
    for hidden in (canvas, ended["executionId"], "Test"):
        assert hidden not in shown.text
    assert (await call("GET", "/metrics")).status == 403


def test_nobody_fills_the_registry_with_names() -> None:
    names = Names(2)
    assert [names.bounded(name) for name in ("a", "b", "c", "a", "x" * 1000)] == ["a", "b", OTHER, "a", OTHER]
    assert [Names(2).bounded("x" * 1000)] == [OTHER]
