"""What a node of a foreign graph does, as a type and the data of ours.

A function is followed, and the calls in it say what it is: one that asks a model is an agent, one that asks a person is
a human, one that calls a tool is a tool. Where no call says it the name does, and the report says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from builder_jupyter.codegen.reading.agents import agent_data, asks_a_model
from builder_jupyter.codegen.reading.drafts import Compiled, GraphDraft, NodeDraft
from builder_jupyter.codegen.reading.operations import MAX_ITEMS, is_known
from builder_jupyter.codegen.reading.program import Program, is_tool
from builder_jupyter.codegen.reading.report import source_of
from builder_jupyter.codegen.reading.tools import tool_name
from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Attribute,
    Call,
    Function,
    Instance,
    PartialText,
    Pipe,
    StatePath,
    Symbol,
    Value,
    last_name,
    within,
)

ASKING: Final = frozenset({"invoke", "ainvoke", "run", "arun", "_run", "call", "search", "results"})
_GUESSES: Final = (
    ("tool", ("tool",)),
    ("agent", ("llm", "completion", "chat")),
    ("router", ("condition", "route", "decide")),
    ("human", ("approval", "approve", "review")),
)
"""The type that a name suggests. Source: spec langgraph-builder §7."""
_QUESTIONS: Final = ("prompt", "question", "message", "query", "text", "task", "instruction", "instructions", "action")
_CHOICES: Final = ("options", "choices", "actions")
_TOOL_NAME: Final = re.compile(r"Tool|Search|Retriever|Wrapper|Results|Runner|REPL|Query")


@dataclass(slots=True)
class Understood:
    """A node as a type of ours and its data. ``is_sure`` when something in the code says so, and not its name."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    is_sure: bool = True


def understand(draft: NodeDraft, program: Program, state: StatePath, *, decides: bool) -> Understood:
    """Return what a node is. ``decides`` says whether conditional edges leave it."""
    action = _unwrapped(draft.action)
    if isinstance(action, Instance):
        made_by = action.made_by
        action = program.attribute(action, "__call__")
        action = action if isinstance(action, Function) else program.attribute(Instance(made_by), "invoke")
    if isinstance(action, Function) and not is_tool(action):
        return _function(draft, action, program, state, decides=decides)
    if isinstance(action, Compiled | GraphDraft):
        program.report.add(draft.node, draft.name, "It is a graph of its own, whose nodes are not drawn.")
        return Understood("agent")
    if isinstance(action, Call) and action.name == "ToolNode":
        return _tool_node(draft, action, program)
    if isinstance(action, Call | Pipe) and asks_a_model([action]):
        return Understood("agent", agent_data([action], program, draft.node))
    if (isinstance(action, Function) and is_tool(action)) or (
        isinstance(action, Call) and _TOOL_NAME.search(action.name)
    ):
        return Understood("tool", {"tool_name": tool_name(action)})
    why = (
        "What it does is not in the code"
        if action is UNKNOWN or isinstance(action, Symbol | Attribute)
        else "Its type is not known"
    )
    return _guessed(draft, program, why, decides=decides)


def _unwrapped(action: Value) -> Value:
    """Return the function of ``agent.invoke`` or ``graph.ainvoke`` given as an action: the thing itself."""
    while isinstance(action, Attribute) and action.name in ("invoke", "ainvoke"):
        action = action.owner
    return action


def _function(draft: NodeDraft, function: Function, program: Program, state: StatePath, *, decides: bool) -> Understood:
    calls, results = program.observe(function, [state])
    asked = next((call for call in calls if call.name in ("interrupt", "input")), None)
    if asked is not None:
        if asks_a_model(calls):
            program.report.add(draft.node, draft.name, "It asks a person and a model too; only the question is kept.")
        return Understood("human", _human_data(asked, program))
    if asks_a_model(calls):
        return Understood("agent", agent_data(calls, program, draft.node))
    used = next((call for call in calls if _is_use_of_tool(call)), None)
    if used is not None:
        return _tool(used, program)
    if any(isinstance(found, Call) and found.name == "ToolNode" for call in calls for found in within(call)):
        node = next(f for call in calls for f in within(call) if isinstance(f, Call) and f.name == "ToolNode")
        return _tool_node(draft, node, program)
    if decides and not calls and all(_is_nothing(result) for result in results):
        return Understood("router")
    return _guessed(draft, program, "No call of a model, tool or person is found in it", decides=decides)


def _is_nothing(result: Value) -> bool:
    return result is None or result in ({}, [], ()) or (isinstance(result, StatePath) and not result.steps)


def _guessed(draft: NodeDraft, program: Program, why: str, *, decides: bool) -> Understood:
    name = draft.name.lower()
    found = next((kind for kind, words in _GUESSES if any(word in name for word in words)), "agent")
    if found == "router" and not decides:
        found = "agent"
    an = f"an {found}" if found == "agent" else f"a {found}"
    program.report.add(
        draft.node, draft.name, f"{why}; by its name it is taken for {an}, and what it computes is left out."
    )
    return Understood(found, {"tool_name": draft.name} if found == "tool" else {}, is_sure=False)


def _human_data(call: Call, program: Program) -> dict[str, Any]:
    """Return prompt and options of ``interrupt(...)`` or ``input(...)``."""
    asked = call.argument(0, "value")
    data: dict[str, Any] = {}
    if isinstance(asked, list) and len(asked) == 1:
        asked = asked[0]
    if isinstance(asked, dict):
        key = next((key for key in _QUESTIONS if isinstance(asked.get(key), str)), None)
        prompt = asked.get(key) if key else UNKNOWN
        options = next((asked[key] for key in _CHOICES if isinstance(asked.get(key), list | tuple)), None)
        if options and all(isinstance(option, str) for option in options):
            data["options"] = list(options)
        left = [str(k) for k in asked if k != key and k not in _CHOICES]
        if left:
            program.report.add(call.node, ", ".join(left), "A question of a workflow has a text and options only.")
    else:
        prompt = asked
    if isinstance(prompt, str):
        data = {"prompt": str(prompt), **data}
        if type(prompt) is not str:
            program.report.add(
                call.node, source_of(call.node), "Prompts are not templates: what it inserts is not there."
            )
    else:
        program.report.add(call.node, source_of(call.node), "The question cannot be read from the code.")
    return data


def _tool_node(draft: NodeDraft, call: Call, program: Program) -> Understood:
    """Return ``ToolNode([...])`` as a tool node; it runs what a model asks for, ours one tool."""
    tools = call.argument(0, "tools")
    names = [name for tool in tools if (name := tool_name(tool))] if isinstance(tools, list | tuple) else []
    why = "It runs the tools that a model asks for, with the model's arguments; a tool node runs one with its own."
    program.report.add(draft.node, ", ".join(names) or draft.name, why)
    return Understood("tool", {"tool_name": names[0]} if names else {})


def _is_use_of_tool(call: Call) -> bool:
    if isinstance(call.callee, Function):
        return is_tool(call.callee)
    if not isinstance(call.callee, Attribute) or call.callee.name not in ASKING:
        return False
    owner = call.callee.owner
    if isinstance(owner, Function):
        return is_tool(owner)
    name = owner.name if isinstance(owner, Call) else last_name(owner)
    if name == "tool":
        return True
    return bool(_TOOL_NAME.search(name) or name.lower().endswith(("_tool", "retriever")) or name == "as_retriever")


def _tool(call: Call, program: Program) -> Understood:
    """Return a call of a tool as a tool node, arguments from the state as templates."""
    tool = call.callee.owner if isinstance(call.callee, Attribute) else call.callee
    name = tool_name(tool)
    given: Mapping[Any, Value] = call.keywords
    if call.args and isinstance(call.args[0], dict):
        given = call.args[0]
        given = given["args"] if isinstance(given.get("args"), dict) else given
    elif call.args:
        given = {**dict(zip(_parameters(tool), call.args, strict=False)), **call.keywords}
    arguments = {str(k): argument_of(v) if _is_small(v) else UNKNOWN for k, v in given.items() if k != "config"}
    lost = [key for key, value in arguments.items() if value is UNKNOWN]
    if lost:
        program.report.add(call.node, ", ".join(lost), "The argument is computed by the code; set it in the node.")
    data = {"tool_name": name, "arguments": {k: v for k, v in arguments.items() if v is not UNKNOWN}}
    return Understood("tool", data)


def _is_small(value: Value) -> bool:
    """Say whether a value is not very large when it is written out: lists may hold one another many times over."""
    stack, count = [value], 0
    while stack and count <= MAX_ITEMS:
        found = stack.pop()
        count += 1
        stack.extend(found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ())
    return not stack


def _parameters(tool: Value) -> Sequence[str]:
    if isinstance(tool, Function):
        return [parameter.arg for parameter in tool.node.args.args if parameter.arg not in ("self", "config")]
    return ("query",)


def argument_of(value: Value) -> Any:
    """Return an argument as a workflow writes it, places in the state as ``{{state.name}}``; else `UNKNOWN`."""
    if isinstance(value, StatePath):
        return f"{{{{{value}}}}}" if value.steps else UNKNOWN
    if isinstance(value, PartialText):
        return UNKNOWN
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        inner = {str(key): argument_of(item) for key, item in value.items()}
        return UNKNOWN if UNKNOWN in inner.values() else inner
    if isinstance(value, list | tuple):
        items = [argument_of(item) for item in value]
        return UNKNOWN if UNKNOWN in items else items
    return value if is_known(value) else UNKNOWN
