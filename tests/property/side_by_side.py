"""Runs one workflow twice: on the engine, and as its generated module on LangGraph, with the same script.

Models, tools and people answer by a hash of all that they are shown, so that any difference of visibility or of order
shows. What both did comes back as a `Story`. Kept free of tests for reuse.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import StepError
from builder_jupyter.execution.attempts import World
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.status import ExecutionStatus, TriggerType
from builder_jupyter.execution.view import final_output
from builder_jupyter.graph.model import Workflow
from builder_jupyter.graph.names import graph_names
from builder_jupyter.nodes.chat import ChatReply, ChatRequest, ToolCall, ToolSpec, Usage
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.storage.memory import MemoryJournal

REGISTRY = default_registry()
WORDS = ("red", "green", "blue", "none")
MOST_CALLS = 80


class TooLong(Exception):
    """The script leads round in circles: the example proves nothing."""


@dataclass
class Story:
    """What happened, without what may differ: the order in which things side by side happened.

    ``visits`` : by node, what each visit wrote: texts, in order. ``asked`` : by agent, each request to a model.
    ``called`` : how often each tool was called with which arguments. ``humans`` : by node, each question.
    """

    visits: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    asked: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    called: Counter[str] = field(default_factory=Counter)
    humans: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    output: Any = None
    results: Any = None


@dataclass
class Script:
    """Everything that answers. ``rounds`` : the agents that end a loop, and after how many of their own answers."""

    seed: int
    rounds: dict[str, int]
    story: Story = field(default_factory=Story)
    calls: int = 0

    def number(self, *shown: Any) -> int:
        text = json.dumps([self.seed, *shown], sort_keys=True, default=str)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])

    def count(self) -> None:
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise StepError("This leads round in circles.", code="TOO_LONG")

    def model(self, about: dict[str, Any], shown: list[Any], tools: list[str]) -> tuple[str, dict[str, Any] | None]:
        """Answer a model's request: a text, and the arguments of the tool ``echo`` or None."""
        self.count()
        who = shown[0][2]
        self.story.asked[who].append([about, shown, tools])
        number = self.number(about, shown, tools)
        rounds = sum(role == "tool" for role, *_ in shown)
        if tools and rounds < 3 and number % 3:
            return f"{who} looks", {"value": f"{number:x}"}
        word = WORDS[number // 7 % len(WORDS)]
        if who in self.rounds:
            spoken = sum(author == who for _, author, *_ in shown)
            word = "again" if spoken + 1 < self.rounds[who] else "done"
        return f"{who} {word} {number:x}", None

    def tool(self, name: str, arguments: Any) -> Any:
        """Run a tool: what it gives depends on its arguments, and is a text, a number, an object or nothing."""
        self.count()
        self.story.called[f"{name} {json.dumps(arguments, sort_keys=True)}"] += 1
        number = self.number(name, arguments)
        value = arguments["value"]
        return [value, number, {"n": number, "of": value}, None, f"{WORDS[number // 5 % 4]}"][number % 5]

    def human(self, who: str, prompt: str, options: list[str]) -> Any:
        """Answer a question: one of the options, another text, or an object."""
        self.count()
        asked = self.story.humans[who]
        asked.append([prompt, options])
        number = self.number(who, prompt, options, len(asked))
        text = [*options, "something else"][number % (len(options) + 1)]
        return {"response": text, "note": number} if number % 7 == 0 else text


# -- the engine ------------------------------------------------------------------------------------------------


class _Models:
    """Gives the script's model under every name, so that the name is part of what is compared."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def get(self, name: str | None) -> ScriptedModel:
        def say(request: ChatRequest) -> ChatReply:
            shown = [
                [m.role, m.name, m.content, [[c.id, c.name, dict(c.arguments)] for c in m.tool_calls]]
                for m in request.messages
            ]
            about = {"model": name, "temperature": request.temperature}
            text, call = self.script.model(about, shown, [spec.name for spec in request.tools])
            calls = () if call is None else (ToolCall(f"call{self.script.number(shown):x}", "echo", call),)
            return ChatReply(text, calls, Usage("scripted"))

        return ScriptedModel(say)

    def limits(self, name: str | None) -> tuple[str, ...]:
        return ("model:scripted",)


class _Tools:
    def __init__(self, script: Script) -> None:
        self.script = script

    def specs(self) -> tuple[ToolSpec, ...]:
        return (ToolSpec("echo", "says it again", {"value": {"type": "string"}}),)

    async def call(self, name: str, arguments: Any) -> Any:
        return self.script.tool(name, arguments)


def on_the_engine(workflow: Workflow, inputs: dict[str, Any], script: Script) -> Story:
    """Run on the real engine, with its journal in memory. Raises `TooLong`."""
    return asyncio.run(asyncio.wait_for(_on_the_engine(workflow, inputs, script), 60))


async def _on_the_engine(workflow: Workflow, inputs: dict[str, Any], script: Script) -> Story:
    world = World(REGISTRY, _Models(script), _Tools(script))
    engine = Engine(MemoryJournal(), world, ManualClock(), on_over=lambda _run: None, limits=None, chance=lambda: 0.5)
    plan = plan_trigger(workflow, "start", registry=REGISTRY)
    run = await engine.admit(plan, workspace="w", principal="me", trigger=TriggerType.API, inputs=inputs)
    while not run.is_over:
        if run.state.status is ExecutionStatus.WAITING:
            visit = next(iter(run.state.waiting))
            request = visit.waitpoint.request
            answer = script.human(run.state.planned(visit).node_id, request["prompt"], list(request["options"]))
            engine.answer(run, visit.waitpoint.waitpoint_id, answer, by="me")
        else:
            await run.changed()
    await engine.stop()
    if run.state.error is not None and run.state.error["code"] == "TOO_LONG":
        raise TooLong
    assert run.state.status is ExecutionStatus.COMPLETED, run.state.error
    return _told(workflow, run.state, script.story)


def _told(workflow: Workflow, state: Any, story: Story) -> Story:
    names = graph_names(workflow)
    results = {}
    for (step, _), visit in sorted(state.visits.items()):
        node = state.plan.steps[step]
        if node.node_id not in names or visit.result is None:
            continue
        story.visits[node.node_id].append([message.content for message in visit.result.messages])
        if node.node_type in ("tool", "human"):
            results[names[node.node_id]] = visit.result.result
    story.output = final_output(state)
    story.results = {name: value for name, value in results.items() if value is not None}
    return story


# -- LangGraph -------------------------------------------------------------------------------------------------


class _Model(BaseChatModel):
    """The script's model as a LangChain chat model."""

    script: Any
    about: dict[str, Any]
    node_ids: dict[str, str]
    offered: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_options: Any) -> _Model:
        return self.model_copy(update={"offered": tuple(map(_tool_name, tools))})

    def _generate(self, messages: list[BaseMessage], *_args: Any, **_options: Any) -> ChatResult:
        shown = [self._shown(message) for message in messages]
        text, call = self.script.model(self.about, shown, list(self.offered))
        reply = AIMessage(text)
        if call is not None:
            calls = [{"name": "echo", "args": call, "id": f"call{self.script.number(shown):x}"}]
            reply = AIMessage(text, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=reply)])

    async def _agenerate(self, messages: list[BaseMessage], *_args: Any, **_options: Any) -> ChatResult:
        return self._generate(messages)

    def _shown(self, message: BaseMessage) -> list[Any]:
        role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
        name = message.name if role == "tool" or message.name is None else self.node_ids[message.name]
        calls = [[c["id"], c["name"], c["args"]] for c in getattr(message, "tool_calls", ())]
        return [role, name, message.content, calls]


def _tool_name(tool: Any) -> str:
    return tool.get("name") or tool["function"]["name"] if isinstance(tool, dict) else tool.name


def on_langgraph(code: str, inputs: dict[str, Any], script: Script, *, is_async: bool, one_by_one: bool) -> Story:
    """Run generated code under LangGraph; interrupts are resumed together or ``one_by_one``."""
    module: dict[str, Any] = {"__name__": "generated"}
    exec(compile(code, "generated.py", "exec", dont_inherit=True), module)
    node_ids = module["NODE_IDS"]

    def get_model(model: str | None, temperature: float | None = None) -> _Model:
        return _Model(script=script, about={"model": model, "temperature": temperature}, node_ids=node_ids)

    async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
        return script.tool(name, arguments)

    module["get_model"] = get_model
    module["call_tool"] = call_tool if is_async else script.tool
    app = module["workflow"].compile(checkpointer=InMemorySaver())
    values = asyncio.run(_alternate(app, inputs, script, is_async=is_async, one_by_one=one_by_one))
    story = script.story
    story.visits = defaultdict(list, {node_ids[name]: said for name, said in values.pop("visits").items()})
    story.output = values.get("output")
    story.results = {name: value for name, value in values.get("results", {}).items() if value is not None}
    return story


async def _alternate(app: Any, inputs: Any, script: Script, *, is_async: bool, one_by_one: bool) -> dict[str, Any]:
    """Run until nobody is asked any more; return the last state, and under ``visits`` what each node wrote."""
    config = {"configurable": {"thread_id": "1"}, "recursion_limit": 2_000}
    visits: dict[str, list[list[str]]] = defaultdict(list)
    answers: dict[str, Any] = {}
    given: Any = inputs
    while True:
        asked: dict[str, Any] = {}
        if is_async:
            updates = [update async for update in app.astream(given, config, stream_mode="updates")]
        else:
            updates = list(app.stream(given, config, stream_mode="updates"))
        for update in updates:
            if update.get("__metadata__", {}).get("cached"):
                continue  # told before: it ran beside somebody who was asked
            for name, wrote in update.items():
                if name == "__interrupt__":
                    asked.update({one.id: one.value for one in wrote})
                elif name != "dispatch":
                    messages = [m for m in (wrote or {}).get("messages", []) if m.id != "opening"]
                    visits[name].append([message.content for message in messages])
        if not asked:
            break
        for interrupt, value in asked.items():
            if interrupt not in answers:
                answers[interrupt] = script.human(value["node_id"], value["prompt"], list(value["options"]))
        chosen = list(asked)[:1] if one_by_one else list(asked)
        given = Command(resume={interrupt: answers.pop(interrupt) for interrupt in chosen})
    return {**app.get_state(config).values, "visits": visits}
