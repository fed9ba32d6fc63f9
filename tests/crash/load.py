"""The load: workflows of every shape made of scripted steps, without a real model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine_kit import Behaviour, registry_of, workflow_of

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.base import StepContext, StepResult
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
FAN = range(1, 13)

GRAPHS = {
    "chain": "start>a>b>c>d>end",
    "quick": "start>q1>q2>q3>a>q4>q5>q6>end",
    "fan": " ".join(f"start>f{i}>join>end" for i in FAN),
    "routes": "start>ask>router>left>end router>right>end",
    "loop": "start>work>router>work router>end",
    "human": "start>a>human>end start>b>c>end",
    "human after loop": "start>work>router>work router>human>end",
    "agent": "start>agent>speak>end",
    "failing": "start>a>bad>end start>slow>end",
}
WAYS = {"routes": ("left", "right"), "loop": ("again", "done"), "human after loop": ("again", "done")}

# What a step that touches the world is noted with: the token among its run's inputs, and its name.
Touched = Callable[[str, str], None]


def graph(name: str) -> Workflow:
    """A workflow of the load. Steps named q1, q2… are without effects and run ahead of the disk."""
    ways = [{"label": way, "pattern": way} for way in WAYS.get(name, ())]
    made = workflow_of(GRAPHS[name], router={"conditions": ways})
    nodes = (replace(node, type="quick") if node.id[0] == "q" else node for node in made.nodes)
    return replace(made, name=name, nodes=tuple(nodes))


def written(context: StepContext, text: str) -> StepResult:
    return StepResult(messages=(Message("assistant", text, name=context.node.id),))


async def nap(context: StepContext) -> StepResult:
    await asyncio.sleep(random.random() * 0.02)
    return written(context, context.node.id)


async def slow(context: StepContext) -> StepResult:
    await asyncio.sleep(0.2)
    return written(context, context.node.id)


async def ask(context: StepContext) -> StepResult:
    return written(context, "left" if len(context.inputs["token"]) % 2 else "right")


async def work(context: StepContext) -> StepResult:
    await asyncio.sleep(0.002)
    before = sum(message.name == context.node.id for message in context.state.messages)
    return written(context, "again" if before < 3 else "done")


async def bad(context: StepContext) -> StepResult:
    await asyncio.sleep(0.01)
    raise StepError("It never works.", code="NEVER")


async def speak(context: StepContext) -> StepResult:
    words = [f"word{number} " for number in range(10)]
    for word in words:
        context.emit(word)
        await asyncio.sleep(0.001)
    return written(context, "".join(words))


SCRIPTS: dict[str, Behaviour] = {"slow": slow, "ask": ask, "work": work, "bad": bad, "speak": speak}


def registry(touched: Touched = lambda _token, _step: None) -> Registry:
    def noted(behaviour: Behaviour) -> Behaviour:
        async def run(context: StepContext) -> StepResult:
            touched(context.inputs["token"], context.node.id)
            return await behaviour(context)

        return run

    steps = {node.id for name in GRAPHS for node in graph(name).nodes if node.type == "do"}
    return registry_of({step: noted(SCRIPTS.get(step, nap)) for step in steps})


def models() -> ScriptedModels:
    return ScriptedModels(ScriptedModel(lambda request: f"answer to {request.messages[-1].content}"))


def runtime(place: Path, touched: Touched = lambda _token, _step: None) -> Runtime:
    return Runtime(Settings(data_dir=place, unlimited_credits=True), models=models(), registry=registry(touched))


async def flows(rt: Runtime) -> dict[str, str]:
    """The ids of the stored workflows by name; those that are missing are stored first."""
    found = {stored.workflow.name: stored.id for stored in await rt.workflows.list_workspace(ME)}
    for name in GRAPHS:
        if name not in found:
            # `do` is a node type of the tests alone, which validation does not mind in a draft.
            found[name] = (await rt.workflows.create(ME, graph(name), draft=True)).id
    return found
