"""LangGraph modules in the ways people write them, and what a reader should make of each. Kept free of tests.

``edges`` are written ``source>target`` as in LangGraph's own drawing, where the routers that a reader puts in are
left out; S and E are its start and end. ``app`` is the compiled graph, None where LangGraph cannot compile it here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HEAD = """\
import operator
import re
from typing import Annotated, Literal, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, Send, interrupt


class State(TypedDict):
    messages: Annotated[list, add_messages]
    topic: str
    next: str


"""


@dataclass(frozen=True)
class Foreign:
    """One module."""

    name: str
    body: str
    types: dict[str, str]
    edges: str
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: str | None = None
    """Edges with a label, ``source-label>target``, routers included."""
    report: tuple[str, ...] = ()
    """Words, each of some note of the report; the empty tuple: no notes at all."""
    app: str | None = "app"
    head: str = HEAD
    title: str | None = None

    @property
    def code(self) -> str:
        return self.head + self.body


MODULES = [
    Foreign(
        "chatbot",
        """
llm = ChatOpenAI(model="gpt-4o-mini", temperature=0.3)

def chatbot(state: State):
    return {"messages": [llm.invoke([SystemMessage(content="Be brief."), *state["messages"]])]}

graph_builder = StateGraph(State)
graph_builder.add_node("chatbot", chatbot)
graph_builder.add_edge(START, "chatbot")
graph_builder.add_edge("chatbot", END)
app = graph_builder.compile()
""",
        {"chatbot": "agent"},
        "S>chatbot chatbot>E",
        {"chatbot": {"prompt": "Be brief.", "model": "openai:gpt-4o-mini", "temperature": 0.3}},
    ),
    Foreign(
        "react loop",
        """
@tool
def get_weather(city: str) -> str:
    "Say the weather."
    return "sunny"

tools = [get_weather]
model = ChatOpenAI(model="gpt-4o").bind_tools(tools)

def should_continue(state: MessagesState) -> Literal["tools", "__end__"]:
    last_message = state["messages"][-1]
    if last_message.tool_calls:
        return "tools"
    return END

def call_model(state: MessagesState):
    response = model.invoke(state["messages"])
    return {"messages": [response]}

workflow = StateGraph(MessagesState)
workflow.add_node("agent", call_model)
workflow.add_node("tools", ToolNode(tools))
workflow.add_edge(START, "agent")
workflow.add_conditional_edges("agent", should_continue)
workflow.add_edge("tools", "agent")
app = workflow.compile()
""",
        {"agent": "agent", "should_continue": "router", "tools": "tool"},
        "S>agent agent>tools agent>E tools>agent",
        {
            "agent": {"tools": ["get_weather"], "model": "openai:gpt-4o"},
            "tools": {"tool_name": "get_weather"},
            "should_continue": {"default": "end"},
        },
        labels="should_continue-tools>tools should_continue-end>end",
        report=("get_weather", "tools"),
    ),
    Foreign(
        "tools_condition",
        """
@tool("lookup")
def find(q: str) -> str:
    "Find."
    return q

def assistant(state):
    return {"messages": [ChatOpenAI(model="gpt-4o").bind_tools([find]).invoke(state["messages"])]}

builder = StateGraph(MessagesState)
builder.add_node("assistant", assistant)
builder.add_node("tools", ToolNode([find]))
builder.add_edge(START, "assistant")
builder.add_conditional_edges("assistant", tools_condition)
builder.add_edge("tools", "assistant")
app = builder.compile()
""",
        {"assistant": "agent", "tools": "tool", "tools_condition": "router"},
        "S>assistant assistant>tools assistant>E tools>assistant",
        {"assistant": {"tools": ["lookup"]}, "tools": {"tool_name": "lookup"}},
        report=("lookup", "tools_condition"),
    ),
    Foreign(
        "patterns of text",
        """
def classify(state: State):
    return state

def route(state: State) -> str:
    text = state["messages"][-1].content.lower()
    if "invoice" in text or "refund" in text:
        return "billing"
    elif re.search(r"error|bug", text):
        return "technical"
    elif any(word in text for word in ["bye", "thanks"]):
        return "finish"
    else:
        return "general"

llm = ChatOpenAI(model="gpt-4o", temperature=0)

def billing(state): return {"messages": [llm.invoke([("system", "You do billing."), *state["messages"]])]}
def technical(state): return {"messages": [llm.invoke([{"role": "system", "content": "You fix."}] + state["messages"])]}
def general(state): return {"messages": [llm.invoke(state["messages"])]}

g = StateGraph(State)
g.add_node("classify", classify)
g.add_node("billing", billing)
g.add_node("technical", technical)
g.add_node("general", general)
g.set_entry_point("classify")
g.add_conditional_edges("classify", route,
    {"billing": "billing", "technical": "technical", "general": "general", "finish": END})
g.add_edge("billing", END)
g.add_edge("technical", END)
g.set_finish_point("general")
app = g.compile()
""",
        {"classify": "router", "billing": "agent", "technical": "agent", "general": "agent"},
        "S>classify classify>billing classify>technical classify>general classify>E billing>E technical>E general>E",
        {
            "classify": {
                "conditions": [
                    {"label": "billing", "pattern": "invoice|refund"},
                    {"label": "technical", "pattern": "error|bug"},
                    {"label": "finish", "pattern": "bye|thanks"},
                ],
                "default": "general",
            },
            "billing": {"prompt": "You do billing."},
            "technical": {"prompt": "You fix."},
        },
        labels="classify-billing>billing classify-technical>technical classify-finish>end classify-general>general",
    ),
    Foreign(
        "human by interrupt and Command",
        """
def draft(state: State):
    return {"messages": [ChatOpenAI(model="gpt-4o").invoke(state["messages"])]}

def human_approval(state: State) -> Command[Literal["publish", "draft"]]:
    answer = interrupt({"question": "Publish it?", "draft": state["messages"][-1].content})
    if answer == "approve":
        return Command(goto="publish")
    else:
        return Command(goto="draft", update={"next": "again"})

def publish(state: State):
    return {"messages": [ChatOpenAI(model="gpt-4o").invoke("Publish")]}

g = StateGraph(State)
g.add_node(draft)
g.add_node(human_approval)
g.add_node(publish)
g.add_edge(START, "draft")
g.add_edge("draft", "human_approval")
g.add_edge("publish", END)
app = g.compile()
""",
        {"draft": "agent", "human_approval": "human", "publish": "agent"},
        "S>draft draft>human_approval human_approval>publish human_approval>draft publish>E",
        {"human_approval": {"prompt": "Publish it?", "options": ["approve"]}, "publish": {"prompt": "Publish"}},
        labels="human_approval-approve>publish",
        report=("draft", "Publish"),
    ),
    Foreign(
        "chained calls",
        """
def a(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke("a")]}
def b(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke("b")]}

app = (
    StateGraph(State)
    .add_node("first", a)
    .add_node("second", b)
    .add_edge(START, "first")
    .add_edge("first", "second")
    .add_edge("second", END)
    .compile()
)
""",
        {"first": "agent", "second": "agent"},
        "S>first first>second second>E",
        {"first": {"prompt": "a"}, "second": {"prompt": "b"}},
        report=("a", "b"),
    ),
    Foreign(
        "add_sequence",
        """
model = ChatOpenAI(model="gpt-4o")
def plan(state): return {"messages": [model.invoke([SystemMessage("Plan.")] + state["messages"])]}
def write(state): return {"messages": [model.invoke([SystemMessage("Write.")] + state["messages"])]}

g = StateGraph(State).add_sequence([plan, ("author", write)])
g.add_edge(START, "plan")
app = g.compile()
""",
        {"plan": "agent", "author": "agent"},
        "S>plan plan>author author>E",
        {"plan": {"prompt": "Plan."}, "author": {"prompt": "Write."}},
    ),
    Foreign(
        "loop over names",
        """
llm = ChatOpenAI(model="gpt-4o")
EXPERTS = {"law": "You know the law.", "tax": "You know taxes."}

def make(prompt):
    def expert(state):
        return {"messages": [llm.invoke([SystemMessage(content=prompt), *state["messages"]])]}
    return expert

g = StateGraph(State)
for name, prompt in EXPERTS.items():
    g.add_node(f"{name}_expert", make(prompt))
    g.add_edge(START, f"{name}_expert")
g.add_node("merge", make("Merge."))
g.add_edge([f"{name}_expert" for name in EXPERTS], "merge")
g.add_edge("merge", END)
app = g.compile()
""",
        {"law_expert": "agent", "tax_expert": "agent", "merge": "agent"},
        "S>law_expert S>tax_expert law_expert>merge tax_expert>merge merge>E",
        {"law_expert": {"prompt": "You know the law."}, "merge": {"prompt": "Merge."}},
    ),
    Foreign(
        "create function",
        '''
def create_research_agent(model_name: str = "gpt-4o"):
    """Make it."""
    llm = ChatOpenAI(model=model_name)
    PROMPT = ChatPromptTemplate.from_messages([("system", "You do research."), MessagesPlaceholder("messages")])

    def research(state: State):
        chain = PROMPT | llm
        return {"messages": [chain.invoke({"messages": state["messages"]})]}

    graph = StateGraph(State)
    graph.add_node("research", research)
    graph.add_edge(START, "research")
    graph.add_edge("research", END)
    return graph.compile()

app = create_research_agent()
''',
        {"research": "agent"},
        "S>research research>E",
        {"research": {"prompt": "You do research.", "model": "openai:gpt-4o"}},
        title="research",
    ),
    Foreign(
        "function never called",
        """
def create_support_workflow():
    def node(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke(state["messages"])]}
    g = StateGraph(State)
    g.add_node("node", node)
    g.add_edge(START, "node")
    return g.compile()
""",
        {"node": "agent"},
        "S>node node>E",
        title="support",
        app="create_support_workflow()",
    ),
    Foreign(
        "class with methods",
        """
class Agent:
    def __init__(self, model, tools, system=""):
        self.system = system
        graph = StateGraph(State)
        graph.add_node("llm", self.call_openai)
        graph.add_node("action", self.take_action)
        graph.add_conditional_edges("llm", self.exists_action, {True: "action", False: END})
        graph.add_edge("action", "llm")
        graph.set_entry_point("llm")
        self.graph = graph.compile()
        self.tools = {t.name: t for t in tools}
        self.model = model.bind_tools(tools)

    def exists_action(self, state):
        return len(state["messages"][-1].tool_calls) > 0

    def call_openai(self, state):
        messages = state["messages"]
        if self.system:
            messages = [SystemMessage(content=self.system)] + messages
        return {"messages": [self.model.invoke(messages)]}

    def take_action(self, state):
        results = []
        for t in state["messages"][-1].tool_calls:
            results.append(self.tools[t["name"]].invoke(t["args"]))
        return {"messages": results}

@tool
def search(query: str) -> str:
    "Search."
    return query

bot = Agent(ChatOpenAI(model="gpt-4o"), [search], system="You are a smart assistant.")
app = bot.graph
""",
        {"llm": "agent", "exists_action": "router", "action": "agent"},
        "S>llm llm>action llm>E action>llm",
        {"llm": {"prompt": "You are a smart assistant.", "tools": ["search"]}},
        labels="exists_action-true>action exists_action-false>end",
        report=("action", "add_conditional_edges"),
    ),
    Foreign(
        "supervisor by state field",
        """
members = ["researcher", "coder"]
llm = ChatOpenAI(model="gpt-4o")

def supervisor(state: State):
    return {"next": llm.invoke([SystemMessage(content="Choose the next worker."), *state["messages"]]).content}

def researcher(state): return {"messages": [llm.invoke([SystemMessage("Research.")])]}
def coder(state): return {"messages": [llm.invoke([SystemMessage("Code.")])]}

workflow = StateGraph(State)
workflow.add_node("researcher", researcher)
workflow.add_node("coder", coder)
workflow.add_node("supervisor", supervisor)
for member in members:
    workflow.add_edge(member, "supervisor")
conditional_map = {k: k for k in members}
conditional_map["FINISH"] = END
workflow.add_conditional_edges("supervisor", lambda x: x["next"], conditional_map)
workflow.set_entry_point("supervisor")
app = workflow.compile()
""",
        {"supervisor": "agent", "researcher": "agent", "coder": "agent", "supervisor_router": "router"},
        "S>supervisor supervisor>researcher supervisor>coder supervisor>E researcher>supervisor coder>supervisor",
        {
            "supervisor_router": {
                "conditions": [{"label": name, "pattern": name} for name in ("researcher", "coder", "FINISH")]
            }
        },
        labels="supervisor_router-researcher>researcher supervisor_router-coder>coder supervisor_router-FINISH>end",
        report=("add_conditional_edges",),
    ),
    Foreign(
        "supervisor by Command",
        """
llm = ChatOpenAI(model="gpt-4o")

def supervisor(state: MessagesState) -> Command[Literal["math_agent", "bio_agent", "__end__"]]:
    response = llm.invoke([{"role": "system", "content": "Delegate."}, *state["messages"]])
    goto = response.content
    if goto == "FINISH":
        goto = END
    return Command(goto=goto)

def math_agent(state: MessagesState) -> Command[Literal["supervisor"]]:
    return Command(goto="supervisor", update={"messages": [llm.invoke([SystemMessage("Compute.")])]})

def bio_agent(state: MessagesState) -> Command[Literal["supervisor"]]:
    return Command(goto="supervisor", update={"messages": [llm.invoke([SystemMessage("Biology.")])]})

builder = StateGraph(MessagesState)
builder.add_node(supervisor)
builder.add_node(math_agent)
builder.add_node(bio_agent)
builder.add_edge(START, "supervisor")
app = builder.compile()
""",
        {"supervisor": "agent", "supervisor_router": "router", "math_agent": "agent", "bio_agent": "agent"},
        "S>supervisor supervisor>math_agent supervisor>bio_agent supervisor>E math_agent>supervisor "
        "bio_agent>supervisor",
        {"supervisor": {"prompt": "Delegate."}, "math_agent": {"prompt": "Compute."}},
        report=("add_node", "end"),
    ),
    Foreign(
        "fan out by Send",
        """
llm = ChatOpenAI(model="gpt-4o")
def topics(state): return {"messages": [llm.invoke("List topics")]}
def joke(state): return {"messages": [llm.invoke(f"Tell a joke about {state['topic']}")]}
def best(state): return {"messages": [llm.invoke("Choose the best")]}
def continue_to_jokes(state):
    return [Send("joke", {"topic": s}) for s in state["topics"]]

g = StateGraph(State)
g.add_node("topics", topics)
g.add_node("joke", joke)
g.add_node("best", best)
g.add_edge(START, "topics")
g.add_conditional_edges("topics", continue_to_jokes, ["joke"])
g.add_edge("joke", "best")
g.add_edge("best", END)
app = g.compile()
""",
        {"topics": "agent", "joke": "agent", "best": "agent", "continue_to_jokes": "router"},
        "S>topics topics>joke joke>best best>E",
        {"joke": {"prompt": "Tell a joke about {{state.topic}}"}},
        report=("Send", "Tell a joke", "List topics"),
    ),
]
