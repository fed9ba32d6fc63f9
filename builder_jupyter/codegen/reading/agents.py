"""Models, prompts and tools in the calls of a program, as the data of an agent."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.tools import tool_name
from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Attribute,
    Call,
    PartialText,
    Pipe,
    Symbol,
    TemplateText,
    Value,
    last_name,
    within,
)

PREBUILT: Final = frozenset(
    {"create_react_agent", "create_agent", "create_tool_calling_agent", "create_openai_functions_agent",
     "create_openai_tools_agent", "create_structured_chat_agent", "AgentExecutor", "initialize_agent",
     "create_deep_agent",
     "create_supervisor", "create_swarm"}
)  # fmt: skip
"""Functions that make an agent of a model and tools."""

_PROVIDERS: Final = {
    "AzureChatOpenAI": "azure_openai",
    "ChatAnthropic": "anthropic",
    "ChatBedrock": "bedrock",
    "ChatBedrockConverse": "bedrock_converse",
    "ChatCohere": "cohere",
    "ChatDeepSeek": "deepseek",
    "ChatFireworks": "fireworks",
    "ChatGoogleGenerativeAI": "google_genai",
    "ChatGroq": "groq",
    "ChatHuggingFace": "huggingface",
    "ChatMistralAI": "mistralai",
    "ChatNVIDIA": "nvidia",
    "ChatOllama": "ollama",
    "ChatOpenAI": "openai",
    "ChatPerplexity": "perplexity",
    "ChatTogether": "together",
    "ChatVertexAI": "google_vertexai",
    "ChatXAI": "xai",
}
_ASKED: Final = frozenset(
    {"invoke", "ainvoke", "stream", "astream", "predict", "apredict", "generate", "agenerate", "batch", "abatch",
     "create", "acreate", "complete", "chat", "__call__", "call", "run", "arun", "generate_content"}
)  # fmt: skip
_MODEL_WORD: Final = re.compile(r"(?:^|_)(?:llm|model|chain|agent|chat|gpt|claude|gemini|grader|planner)(?:$|_|\d)")
_COMPLETIONS: Final = frozenset({"completions", "responses", "messages", "models", "ChatCompletion"})
_NOT_MODELS: Final = re.compile(r"Prompt|Message|Template|History|Parser")


def asks_a_model(values: Iterable[Value]) -> bool:
    """Say whether one of these calls, or what they are made of, is a model or the asking of one."""
    return any(_is_model(found) or _is_question(found) for value in values for found in within(value))


def agent_data(values: Sequence[Value], program: Program, node: ast.AST) -> dict[str, Any]:
    """Return ``prompt``, ``model``, ``tools`` and ``temperature`` as far as the code says them."""
    data: dict[str, Any] = {}
    everything = [found for value in values for found in within(value)]
    prompts = list(dict.fromkeys(_system_prompts(everything)))
    asked = [] if prompts else list(dict.fromkeys(_other_prompts(everything)))
    if prompts or asked:
        data["prompt"] = str((prompts or asked)[0])
        _report_prompt(prompts or asked, program, node, is_system=bool(prompts))
    models = [found for found in everything if _is_model(found)]
    data |= _model_data(everything, models, program, node)
    tools = list(_tools(everything, program))
    if tools:
        data["tools"] = list(dict.fromkeys(tools))
    return data


def _report_prompt(prompts: list[str], program: Program, node: ast.AST, *, is_system: bool) -> None:
    first = prompts[0]
    words = " ".join(first.split())[:60]
    if isinstance(first, PartialText | TemplateText):
        program.report.add(node, words, "Prompts are not templates: what the code inserts stands in it by its name.")
    if not is_system:
        program.report.add(node, words, "The code sends it as a user's message; here it is the agent's system prompt.")
    if len(prompts) > 1:
        program.report.add(node, words, f"The first of {len(prompts)} prompts is kept.")


def _is_model(value: Value) -> bool:
    if not isinstance(value, Call):
        return False
    name = value.name
    if name in PREBUILT or name == "init_chat_model" or name in _PROVIDERS:
        return True
    is_class = isinstance(value.callee, Symbol) and name[:1].isupper()
    return is_class and not _NOT_MODELS.search(name) and bool(re.search(r"^Chat[A-Z]|LLM$|ChatModel$", name))


def _is_question(value: Value) -> bool:
    """Say whether a call asks something whose name says that it is a model."""
    if not (isinstance(value, Call) and isinstance(value.callee, Attribute | Symbol)):
        return False
    if isinstance(value.callee, Symbol):
        owner, _, method = value.callee.path.rpartition(".")
        owner = owner.rpartition(".")[2]
    else:
        owner, method = _name_of_owner(value.callee.owner), value.callee.name
        if method in _ASKED and any(_is_model(part) for part in within(value.callee.owner, limit=1_000)):
            return True
    if method in ("completion", "acompletion"):
        return True
    return method in _ASKED and (owner in _COMPLETIONS or bool(_MODEL_WORD.search(owner.lower())))


def _name_of_owner(owner: Value) -> str:
    """Return the name of what is asked: of ``self.llm.bind_tools(tools)`` it is ``llm``."""
    while True:
        if isinstance(owner, Call):
            if isinstance(owner.callee, Attribute) and owner.name.startswith(("bind", "with_")):
                owner = owner.callee.owner
                continue
            if isinstance(owner.callee, Symbol) and owner.name.startswith(("bind", "with_")):
                return owner.callee.path.split(".")[-2] if "." in owner.callee.path else ""
            return owner.name
        if isinstance(owner, Pipe):
            return "chain"
        return last_name(owner)


def _model_data(everything: list[Value], models: list[Value], program: Program, node: ast.AST) -> dict[str, Any]:
    data: dict[str, Any] = {}
    names = []
    for call in models:
        name = _model_name(call)
        if name:
            names.append(name)
        temperature = call.keywords.get("temperature")
        if isinstance(temperature, int | float) and not isinstance(temperature, bool):
            data.setdefault("temperature", temperature)
    names += [
        found.keywords["model"]
        for found in everything
        if isinstance(found, Call) and _is_question(found) and isinstance(found.keywords.get("model"), str)
    ]
    names = list(dict.fromkeys(names))
    if names:
        data = {"model": names[0], **data}
        if len(names) > 1:
            program.report.add(node, names[0], f"It asks {len(names)} models; the first is kept.")
    else:
        program.report.add(node, "model", "The code does not say which model it is; the default one answers.")
    return data


def _model_name(call: Call) -> str | None:
    name: Value = call.keywords.get("model", call.keywords.get("model_name", call.keywords.get("azure_deployment")))
    if name is None and (call.name == "init_chat_model" or call.name in PREBUILT) and call.args:
        name = call.args[0]
    if type(name) is not str or not name:
        return None
    provider = _PROVIDERS.get(call.name) or call.keywords.get("model_provider")
    return f"{provider}:{name}" if isinstance(provider, str) and ":" not in name else name


def _system_prompts(everything: Iterable[Value]) -> Iterator[str]:
    for found in everything:
        text: Value = UNKNOWN
        if isinstance(found, Call):
            text = _prompt_of_call(found)
        elif isinstance(found, tuple) and len(found) == 2 and found[0] in ("system", "developer"):
            text = found[1]
        elif isinstance(found, dict) and found.get("role") in ("system", "developer"):
            text = found.get("content")
        if isinstance(text, str) and text.strip():
            yield text


def _prompt_of_call(call: Call) -> Value:
    if call.name == "SystemMessage":
        return call.argument(0, "content")
    if "SystemMessagePromptTemplate" in getattr(call.callee, "path", ""):
        return call.argument(0, "template")
    names = ("system_prompt", "state_modifier", "messages_modifier", "system_message", "instructions")
    text: Value = next((call.keywords[name] for name in names if isinstance(call.keywords.get(name), str)), UNKNOWN)
    if text is UNKNOWN and call.name in PREBUILT:
        text = call.keywords.get("prompt", UNKNOWN)
    if text is UNKNOWN and _is_question(call):
        text = call.keywords.get("system", UNKNOWN)
    return text


def _other_prompts(everything: Iterable[Value]) -> Iterator[str]:
    """Yield the texts that are sent as a user's message, or alone."""
    for found in everything:
        text: Value = UNKNOWN
        if isinstance(found, Call) and (found.name in ("HumanMessage", "from_template", "PromptTemplate")):
            text = found.argument(0, "content", "template")
        elif isinstance(found, tuple) and len(found) == 2 and found[0] in ("human", "user"):
            text = found[1]
        elif isinstance(found, dict) and found.get("role") == "user":
            text = found.get("content")
        elif isinstance(found, Call) and _is_question(found) and found.args:
            text = found.args[0]
        if isinstance(text, str) and text.strip() and not re.fullmatch(r"\{+[\w.\[\]'\"-]+\}+", text.strip()):
            yield text


def _tools(everything: Iterable[Value], program: Program) -> Iterator[str]:
    for found in everything:
        if not isinstance(found, Call):
            continue
        if found.name == "bind_tools":
            tools = found.argument(0, "tools")
        elif found.name in PREBUILT:
            tools = found.argument(1, "tools")
            tools = tools.argument(0, "tools") if isinstance(tools, Call) and tools.name == "ToolNode" else tools
        elif _is_question(found) and isinstance(found.keywords.get("tools"), list):
            tools = found.keywords["tools"]
        else:
            continue
        if not isinstance(tools, list | tuple):
            if tools is not UNKNOWN and tools is not None:
                program.report.add(found.node, "tools", "Which tools it has cannot be read from the code.")
            continue
        for tool in tools:
            name = tool_name(tool)
            if name:
                yield name
            else:
                program.report.add(found.node, "tools", "The name of a tool cannot be read from the code.")
