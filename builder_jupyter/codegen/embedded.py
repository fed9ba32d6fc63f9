"""The functions that generated modules are given, each only where it is used. Read as source and never imported.

They are written for ``async_mode``; without it `async` and `await` are taken out and `ainvoke` becomes `invoke`
(`codegen.parts`). What they mean is what the engine does: nodes/agent.py, nodes/chat.py, graph/templates.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.tools import ToolException
from langgraph.graph import END
from langgraph.types import Command

from builder_jupyter.codegen.traversal import Traversal

DEFAULT_MODEL = "gemini-2.5-flash"
MCP_SERVERS = {"tools": {"transport": "streamable_http", "url": "http://localhost:8000/mcp"}}
NODE_IDS: dict[str, str] = {}
INPUTS: list[str] = []
TOOLS: dict[str, Any] = {}
TOOL_ROUNDS = 10
ROLES = {"human": "user", "ai": "assistant"}
EDGES: list[tuple[str, str]] = []
LOOPS: dict[int, dict[str, Any]] = {}
ROUTES: dict[str, Callable[..., list[str]]] = {}


AgentState = dict[str, Any]  # here; in a module it is the schema of its state


def get_model(model: str | None, temperature: float | None = None) -> BaseChatModel:
    """Return a chat model by name; replace this function to choose another."""
    from langchain.chat_models import init_chat_model

    settings: dict[str, Any] = {}
    if temperature is not None:
        settings["temperature"] = temperature
    return init_chat_model(model or DEFAULT_MODEL, **settings)


def get_model__limited(
    model: str | None, temperature: float | None = None, max_tokens: int | None = None
) -> BaseChatModel:
    """Return a chat model by name; replace this function to choose another."""
    from langchain.chat_models import init_chat_model

    given = {"temperature": temperature, "max_tokens": max_tokens}
    settings: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    return init_chat_model(model or DEFAULT_MODEL, **settings)


async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
    """Run a tool and return its value; replace this function to run your own."""
    raise NotImplementedError(f"Replace call_tool to run the tool {name!r}.")


def call_tool__thread(name: str, arguments: dict[str, Any]) -> Any:
    """Run a tool of the servers in MCP_SERVERS; in a thread, for notebooks have a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call_mcp_tool(name, arguments)).result()


async def call_mcp_tool(name: str, arguments: dict[str, Any]) -> Any:
    """Run a tool of the servers in MCP_SERVERS and return what it says."""
    from langchain_mcp_adapters.client import MultiServerMCPClient

    for tool in await MultiServerMCPClient(MCP_SERVERS).get_tools():
        if tool.name == name:
            call = {"type": "tool_call", "id": name, "name": name, "args": arguments}
            return text_of(await tool.ainvoke(call))
    raise LookupError(f"No server in MCP_SERVERS has a tool {name!r}.")


async def answer_with_tools(
    name: str, model: BaseChatModel, messages: list[AnyMessage], tools: list[str]
) -> list[AnyMessage]:
    """Let a model call tools until it answers, at most TOOL_ROUNDS times."""
    caller = model.bind_tools([TOOLS[tool] for tool in tools])
    written: list[AnyMessage] = []
    for _ in range(TOOL_ROUNDS):
        reply = await caller.ainvoke([*messages, *written])
        written.append(reply.model_copy(update={"name": name}))
        if not reply.tool_calls:
            return written
        for call in reply.tool_calls:
            written += [await run_tool(call, tools)]
    reply = await model.ainvoke([*messages, *written])
    return [*written, AIMessage(text_of(reply), name=name)]


async def run_tool(call: ToolCall, tools: list[str]) -> ToolMessage:
    """Run a tool for a model; a ToolException tells the model what went wrong."""
    name = call["name"]
    content = f"Error: There is no tool {name!r}."
    if name in tools:
        try:
            content = as_text(await call_tool(name, call["args"]))
        except ToolException as error:
            content = f"Error: {error}"
    return ToolMessage(content, name=name, tool_call_id=call["id"] or "")


def opening(state: AgentState) -> list[AnyMessage]:
    """Return the message that a run without messages begins with: its inputs."""
    inputs = {key: state[key] for key in INPUTS if key in state}
    if state["messages"] or not inputs:
        return []
    texts = [value for value in inputs.values() if isinstance(value, str)]
    text = json.dumps(inputs, ensure_ascii=False)
    if isinstance(inputs.get("message"), str):
        text = inputs["message"]
    elif len(texts) == 1:
        text = texts[0]
    return [HumanMessage(text, id="opening")]


def text_of(message: BaseMessage) -> str:
    """Return the text of a message, whose content may be a list of blocks."""
    content = message.content
    blocks = [content] if isinstance(content, str) else content
    texts = [block if isinstance(block, str) else block.get("text") for block in blocks]
    return "".join(text for text in texts if isinstance(text, str))


def last_text(state: AgentState) -> str:
    """Return the text of the newest message."""
    return text_of(state["messages"][-1]) if state["messages"] else ""


def message_at(state: AgentState, place: int) -> str | None:
    """Return the text of the message at a place, None if there is none."""
    messages = state["messages"]
    return text_of(messages[place]) if -len(messages) <= place < len(messages) else None


def as_text(value: Any) -> str:
    """Return a value as text: None as nothing, a message as its text, others as JSON."""
    value = message_text(value)
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def message_text(value: Any) -> Any:
    """Return what a message says; other values as they are."""
    if isinstance(value, dict) and "role" in value and "content" in value:
        return value["content"]
    return value


def answer_text(answer: Any) -> str:
    """Return what a person said: a text, or the response in an object."""
    if isinstance(answer, dict) and "response" in answer:
        return as_text(answer["response"])
    return as_text(answer)


def as_dict(message: AnyMessage) -> dict[str, Any]:
    """Return a message as paths see it; it is named after the node that wrote it."""
    role = ROLES.get(message.type, message.type)
    about: dict[str, Any] = {"role": role, "content": text_of(message)}
    if message.name is not None:
        about["name"] = message.name if role == "tool" else NODE_IDS.get(message.name, message.name)
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = message.tool_calls
        about["tool_calls"] = [{"id": c["id"], "name": c["name"], "arguments": c["args"]} for c in calls]
    if isinstance(message, ToolMessage):
        about["tool_call_id"] = message.tool_call_id
    return about


def readable(state: AgentState) -> dict[str, Any]:
    """Return the state as paths see it: messages as dicts, results by node id as well."""
    results = {name: value for name, value in state.get("results", {}).items() if value is not None}
    by_id = {NODE_IDS[name]: value for name, value in results.items() if NODE_IDS[name] not in NODE_IDS}
    messages = [as_dict(message) for message in state["messages"]]
    return {**state, "messages": messages, "results": {**by_id, **results}}


def lookup(state: AgentState, *path: str | int) -> Any:
    """Return the value that a path leads to, or None; a message is its text."""
    return message_text(follow(readable(state), path))


def lookup__plain(state: AgentState, *path: str | int) -> Any:
    """Return the value that a path leads to, or None; a message is its text."""
    return message_text(follow(state, path))


def follow(value: Any, path: tuple[str | int, ...]) -> Any:
    """Walk into dicts by name and into lists by index; None where there is no way."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def joined(*parts: Any) -> str:
    """Return the texts of some values, one after the other."""
    return "".join(as_text(part) for part in parts)


def first_match(conditions: list[tuple[str, str]], text: str) -> str | None:
    """Return the label of the first pattern found in a text, None if none is."""
    for label, pattern in conditions:
        if re.search(pattern, text, re.ASCII | re.IGNORECASE):
            return label
    return None


def first_place(conditions: list[tuple[str, str]], text: str) -> int | None:
    """Return the place of the first pattern found in a text, None if none is."""
    for place, (_, pattern) in enumerate(conditions):
        if re.search(pattern, text, re.ASCII | re.IGNORECASE):
            return place
    return None


def last(_before: Any, after: Any) -> Any:
    """Keep what was written last."""
    return after


def without(state: AgentState, names: list[str]) -> AgentState:
    """Return the state without what nodes beside this one have left."""
    calls: set[str | None] = set()
    kept = []
    for message in state["messages"]:
        if message.name in names:
            calls |= {call["id"] for call in getattr(message, "tool_calls", [])}
        elif getattr(message, "tool_call_id", None) not in calls:
            kept.append(message)
    results = {key: value for key, value in state.get("results", {}).items() if key not in names}
    return {**state, "messages": kept, "results": results}


def extend(before: list[Any], after: list[Any] | None) -> list[Any]:
    """Lengthen the trail; None begins a new one."""
    return [] if after is None else [*before, *after]


def dispatch(state: AgentState) -> Command[Any]:
    """Lead to the nodes that are ready, and end when none is."""
    ready = list(Traversal(EDGES, LOOPS, state["trail"]).ready)
    if not ready:
        return Command(goto=END, update={"trail": None})
    return Command(goto=ready)


def dispatch__outputs(state: AgentState) -> Command[Any]:
    """Lead to the nodes that are ready, and end when none is, with the output that was set last."""
    traversal = Traversal(EDGES, LOOPS, state["trail"])
    if traversal.ready:
        return Command(goto=list(traversal.ready))
    left = [state["trail"][place] for place in traversal.order()]
    outputs = [entry["output"] for entry in left if "output" in entry]
    return Command(goto=END, update={"trail": None, "output": outputs[-1] if outputs else None})


def dispatch__opening(state: AgentState) -> Command[Any]:
    """Lead to the nodes that are ready, and end when none is."""
    ready = list(Traversal(EDGES, LOOPS, state["trail"]).ready)
    if not ready:
        return Command(goto=END, update={"trail": None})
    return Command(goto=ready, update={"messages": opening(state)})


def dispatch__opening_outputs(state: AgentState) -> Command[Any]:
    """Lead to the nodes that are ready, and end when none is, with the output that was set last."""
    traversal = Traversal(EDGES, LOOPS, state["trail"])
    if traversal.ready:
        return Command(goto=list(traversal.ready), update={"messages": opening(state)})
    left = [state["trail"][place] for place in traversal.order()]
    outputs = [entry["output"] for entry in left if "output" in entry]
    return Command(goto=END, update={"trail": None, "output": outputs[-1] if outputs else None})


def visit(node: Callable[[AgentState], Awaitable[dict[str, Any]]]) -> Callable[..., Any]:
    """Show a node only what leads to it, and leave a trail."""
    name = node.__name__

    @wraps(node)
    async def run(state: AgentState) -> dict[str, Any]:
        before = seen(state, name)
        update = await node(before)
        messages = update.get("messages", [])
        taken = None
        if name in ROUTES:
            chosen = ROUTES[name]({**before, "messages": [*before["messages"], *messages]})
            targets = [target for source, target in EDGES if source == name]
            taken = [place for place, target in enumerate(targets) if target in chosen]
        return {**update, "trail": [{**update, "node": name, "taken": taken}]}

    return run


def seen(state: AgentState, name: str) -> AgentState:
    """Return the state as one node sees it: what the visits that lead to it have left."""
    trail = state["trail"]
    before = [trail[place] for place in Traversal(EDGES, LOOPS, trail).before(name)]
    written = sum(len(entry.get("messages", [])) for entry in trail)
    given = state["messages"][: len(state["messages"]) - written]
    results: dict[str, Any] = {}
    output = None
    messages = [*given]
    for entry in before:
        messages += entry.get("messages", [])
        results |= entry.get("results", {})
        output = entry.get("output", output)
    return {**state, "messages": messages, "results": results, "output": output}
