"""What the tests of generated code share: workflows from a few words, and modules that run with scripted models.

``flow("s a; a r; r b :yes; r c :no; b e; c e", r=router("yes", "no"))`` is a workflow; ``s...`` are starts, ``e...``
are ends, everything else is an agent unless it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import Options
from builder_jupyter.graph.model import Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import Severity, validate

Json = dict[str, Any]


def agent(**data: Any) -> Json:
    return {"type": "agent", "data": {"prompt": "p", **data}}


def router(*labels: str, **data: Any) -> Json:
    conditions = [{"label": label, "pattern": label} for label in labels]
    return {"type": "router", "data": {"conditions": conditions, **data}}


def tool(name: str = "look", **arguments: Any) -> Json:
    return {"type": "tool", "data": {"tool_name": name, "arguments": arguments}}


def human(*options: str, **data: Any) -> Json:
    return {"type": "human", "data": {"prompt": "well?", "options": list(options), **data}}


def end(output: str) -> Json:
    return {"type": "end", "data": {"output": output}}


def flow(edges: str, name: str = "test", **nodes: Json) -> Workflow:
    """Return a workflow; nodes stand in the order in which the edges name them."""
    drawn, ids = [], {}
    for edge in edges.split(";"):
        source, target, *label = edge.split()
        ids |= {source: None, target: None}
        drawn.append({"source": source, "target": target} | ({"label": label[0][1:]} if label else {}))
    kinds = {"s": {"type": "start"}, "e": {"type": "end"}}
    made = [{"id": node, **nodes.get(node, kinds.get(node[0], agent()))} for node in ids]
    return Workflow.from_dict({"name": name, "nodes": made, "edges": drawn})


class Scripted(BaseChatModel):
    """Says what ``say`` makes of the messages: a text, or (text, tool calls)."""

    say: Any
    log: Any
    about: Any = None
    tools: tuple[Any, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_options: Any) -> Scripted:
        return self.model_copy(update={"tools": tuple(tools)})

    def _generate(self, messages: list[BaseMessage], *_args: Any, **_options: Any) -> ChatResult:
        self.log.append((self.about, messages, [one["name"] for one in self.tools]))
        said = self.say(messages, self.tools)
        text, calls = said if isinstance(said, tuple) else (said, [])
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, tool_calls=calls))])


def echo(messages: list[BaseMessage], _tools: Any) -> str:
    """Say the system prompt's first word, and how many messages there were besides."""
    prompts = [str(message.content) for message in messages if message.type == "system"]
    return f"{(prompts[0].split() or ['-'])[0] if prompts else '-'}:{len(messages) - len(prompts)}"


@dataclass
class Ran:
    """What a run did: node ids in order, the last values, what was asked of models, tools and people."""

    order: list[str] = field(default_factory=list)
    values: Json = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    called: list[Any] = field(default_factory=list)
    questions: list[Json] = field(default_factory=list)

    @property
    def said(self) -> list[tuple[str | None, str]]:
        return [(message.name, message.text) for message in self.values["messages"]]


def load(code: str) -> Json:
    """Run a module's code in a namespace of its own, as importing it would."""
    module: Json = {"__name__": "generated_module"}
    exec(compile(code, "generated.py", "exec", dont_inherit=True), module)
    return module


def play(
    workflow: Workflow,
    inputs: Json | None = None,
    *answers: Any,
    say: Callable[..., Any] = echo,
    value: Callable[[str, Json], Any] = lambda _name, arguments: arguments,
    **options: bool,
) -> Ran:
    """Generate, load and run a valid workflow; each interrupt takes the next of ``answers``."""
    findings = validate(workflow, registry=default_registry())
    assert [one.message for one in findings if one.severity is Severity.ERROR] == []
    chosen = Options(**options)
    ran = Ran()
    module = load(generate(workflow, chosen).code)

    def call_tool(name: str, arguments: Json) -> Any:
        ran.called.append((name, arguments))
        return value(name, arguments)

    async def acall_tool(name: str, arguments: Json) -> Any:
        return call_tool(name, arguments)

    def get_model(model: str | None, temperature: float | None = None, **more: Any) -> Scripted:
        return Scripted(say=say, log=ran.asked, about=(model, temperature, *more.values()))

    module["get_model"] = get_model
    module["call_tool"] = acall_tool if chosen.async_mode else call_tool
    app = module["workflow"].compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "recursion_limit": 20_000}
    left = list(answers)
    given: Any = inputs or {"messages": [{"role": "user", "content": "hi"}]}
    while given is not None:
        updates = _stream(app, given, config, is_async=chosen.async_mode)
        given = None
        for update in updates:
            for name, wrote in update.items():
                if name == "__interrupt__":
                    ran.questions += [one.value for one in wrote]
                    given = Command(resume=left.pop(0))
                elif name != "__metadata__" and "__metadata__" not in update and name != "dispatch":
                    ran.order.append(module["NODE_IDS"][name])
    ran.values = app.get_state(config).values
    assert left == []
    return ran


def _stream(app: Any, given: Any, config: Json, *, is_async: bool) -> list[Json]:
    if not is_async:
        return list(app.stream(given, config, stream_mode="updates"))

    async def gather() -> list[Json]:
        return [update async for update in app.astream(given, config, stream_mode="updates")]

    return asyncio.run(gather())
