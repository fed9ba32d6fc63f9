"""More modules for `foreign`: ready-made agents, tools, people, odd styles. Kept free of tests."""

from __future__ import annotations

from foreign import Foreign

MORE_MODULES = [
    Foreign(
        "create_agent",
        '''
"""Weather."""
from langchain.agents import create_agent

@tool
def weather(city: str) -> str:
    "Say the weather."
    return city

weather_agent = create_agent(model="openai:gpt-4o", tools=[weather], system_prompt="You know the weather.")
''',
        {"agent": "agent"},
        "S>agent agent>E",
        {"agent": {"model": "openai:gpt-4o", "tools": ["weather"], "prompt": "You know the weather."}},
        title="weather",
        app=None,
    ),
    Foreign(
        "create_react_agent",
        """
from langgraph.prebuilt import create_react_agent
llm = ChatOpenAI(model="gpt-4o", temperature=0)

@tool
def add(a: int, b: int) -> int:
    "Add."
    return a + b

app = create_react_agent(llm, [add], prompt=SystemMessage("You add."), name="adder")
""",
        {"adder": "agent"},
        "S>adder adder>E",
        {"adder": {"model": "openai:gpt-4o", "temperature": 0, "tools": ["add"], "prompt": "You add."}},
        app=None,
    ),
    Foreign(
        "agents as nodes",
        """
import functools
from langchain.agents import create_agent
llm = ChatOpenAI(model="gpt-4o")

@tool
def search(query: str) -> str:
    "Search."
    return query

research_agent = create_agent(llm, [search], system_prompt="You search.")
writer_agent = create_agent(llm, [], system_prompt="You write.")

def agent_node(state, agent, name):
    result = agent.invoke(state)
    return {"messages": [HumanMessage(content=result["messages"][-1].content, name=name)]}

g = StateGraph(State)
g.add_node("researcher", functools.partial(agent_node, agent=research_agent, name="researcher"))
g.add_node("writer", lambda state: agent_node(state, writer_agent, "writer"))
g.add_edge(START, "researcher")
g.add_edge("researcher", "writer")
g.add_edge("writer", END)
app = g.compile()
""",
        {"researcher": "agent", "writer": "agent"},
        "S>researcher researcher>writer writer>E",
        {"researcher": {"tools": ["search"], "prompt": "You search."}, "writer": {"prompt": "You write."}},
    ),
    Foreign(
        "tool called by a node",
        """
@tool
def web_search(query: str, max_results: int = 3) -> str:
    "Search."
    return query

def search(state: State):
    found = web_search.invoke({"query": state["topic"], "max_results": 5})
    return {"messages": [AIMessage(content=found)]}

def search_again(state: State):
    return {"messages": [web_search.invoke({"query": f"more about {state['topic']}", "max_results": len(state)})]}

g = StateGraph(State)
g.add_node("search", search)
g.add_node("again", search_again)
g.add_edge(START, "search")
g.add_edge("search", "again")
g.add_edge("again", END)
app = g.compile()
""",
        {"search": "tool", "again": "tool"},
        "S>search search>again again>E",
        {
            "search": {"tool_name": "web_search", "arguments": {"query": "{{state.topic}}", "max_results": 5}},
            "again": {"tool_name": "web_search", "arguments": {"query": "more about {{state.topic}}"}},
        },
        report=("max_results",),
    ),
    Foreign(
        "plain functions guessed by name",
        """
def call_tool(state): return {"topic": "x"}
def llm_step(state): return {"topic": "y"}
def review_step(state): return {"topic": "z"}
def compute(state): return {"topic": "w"}

g = StateGraph(State)
g.add_node("call_tool", call_tool)
g.add_node("llm_step", llm_step)
g.add_node("review_step", review_step)
g.add_node("compute", compute)
g.add_edge(START, "call_tool")
g.add_edge("call_tool", "llm_step")
g.add_edge("llm_step", "review_step")
g.add_edge("review_step", "compute")
app = g.compile()
""",
        {"call_tool": "tool", "llm_step": "agent", "review_step": "human", "compute": "agent"},
        "S>call_tool call_tool>llm_step llm_step>review_step review_step>compute compute>E",
        report=("call_tool", "llm_step", "review_step", "compute"),
    ),
    Foreign(
        "human answers by conditional edges",
        """
def ask(state: State):
    return {"topic": interrupt("Which way?")}

def left(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke([SystemMessage("Left.")])]}
def right(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke([SystemMessage("Right.")])]}

g = StateGraph(State)
g.add_node("ask", ask)
g.add_node("left", left)
g.add_node("right", right)
g.add_edge(START, "ask")
g.add_conditional_edges("ask", lambda s: s["topic"], {"west": "left", "east": "right"})
app = g.compile()
""",
        {"ask": "human", "left": "agent", "right": "agent"},
        "S>ask ask>left ask>right left>E right>E",
        {"ask": {"prompt": "Which way?", "options": ["west", "east"]}},
        labels="ask-west>left ask-east>right",
        report=("add_conditional_edges",),
    ),
    Foreign(
        "conditional entry point",
        """
def entry(state) -> Literal["fast", "slow"]:
    return "fast" if state["messages"][-1].content.startswith("!") else "slow"

llm = ChatOpenAI(model="gpt-4o")
def fast(state): return {"messages": [llm.invoke([SystemMessage("Fast.")])]}
def slow(state): return {"messages": [llm.invoke([SystemMessage("Slow.")])]}

g = StateGraph(State)
g.add_node("fast", fast)
g.add_node("slow", slow)
g.set_conditional_entry_point(entry)
g.set_finish_point("fast")
g.set_finish_point("slow")
app = g.compile()
""",
        {"entry": "router", "fast": "agent", "slow": "agent"},
        "S>fast S>slow fast>E slow>E",
        {"entry": {"conditions": [{"label": "fast", "pattern": "^!"}], "default": "slow"}},
        labels="entry-fast>fast entry-slow>slow",
    ),
    Foreign(
        "names as strings and keywords",
        """
def step(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke(state["messages"])]}
FIRST = "first"
LAST = FIRST + "_of_all"

g = StateGraph(state_schema=State)
g.add_node(node=FIRST, action=step)
g.add_node(node=LAST, action=step)
g.add_edge(start_key="__start__", end_key=FIRST)
g.add_edge(FIRST, LAST)
g.add_edge(LAST, "__end__")
app = g.compile()
""",
        {"first": "agent", "first_of_all": "agent"},
        "S>first first>first_of_all first_of_all>E",
    ),
    Foreign(
        "enumeration of names",
        """
from enum import Enum

class Nodes(str, Enum):
    PLAN = "plan"
    ACT = "act"

def plan(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke([SystemMessage("Plan.")])]}

g = StateGraph(State)
g.add_node(Nodes.PLAN.value, plan)
g.add_node(Nodes.ACT.value, plan)
g.add_edge(START, Nodes.PLAN.value)
g.add_edge(Nodes.PLAN.value, Nodes.ACT.value)
app = g.compile()
""",
        {"plan": "agent", "act": "agent"},
        "S>plan plan>act act>E",
    ),
    Foreign(
        "helper that adds",
        """
def node(state): return {"messages": [ChatOpenAI(model="gpt-4o").invoke(state["messages"])]}

def add_steps(graph, names):
    for name in names:
        graph.add_node(name, node)
    for before, after in zip(names, names[1:]):
        graph.add_edge(before, after)
    return graph

def main():
    graph = add_steps(StateGraph(State), ["one", "two", "three"])
    graph.add_edge(START, "one")
    return graph.compile()

app = main()
""",
        {"one": "agent", "two": "agent", "three": "agent"},
        "S>one one>two two>three three>E",
    ),
    Foreign(
        "async nodes and match",
        """
llm = ChatOpenAI(model="gpt-4o")

async def think(state: State):
    reply = await llm.ainvoke([SystemMessage(content="Think."), *state["messages"]])
    return {"messages": [reply]}

def choose(state: State) -> Literal["think", "__end__"]:
    match state["messages"][-1].content:
        case "again":
            return "think"
        case _:
            return END

g = StateGraph(State)
g.add_node("think", think)
g.add_edge(START, "think")
g.add_conditional_edges("think", choose)
app = g.compile()
""",
        {"think": "agent", "choose": "router"},
        "S>think think>think think>E",
        {
            "think": {"prompt": "Think."},
            "choose": {"conditions": [{"label": "think", "pattern": "^again$"}], "default": "end"},
        },
    ),
    Foreign(
        "destinations",
        """
llm = ChatOpenAI(model="gpt-4o")
def triage(state):
    target = llm.invoke([SystemMessage("Triage.")]).content
    return Command(goto=target)
def sales(state): return {"messages": [llm.invoke([SystemMessage("Sell.")])]}
def help_desk(state): return {"messages": [llm.invoke([SystemMessage("Help.")])]}

g = StateGraph(State)
g.add_node("triage", triage, destinations=("sales", "help_desk"))
g.add_node("sales", sales)
g.add_node("help_desk", help_desk)
g.add_edge(START, "triage")
app = g.compile()
""",
        {"triage": "agent", "triage_router": "router", "sales": "agent", "help_desk": "agent"},
        "S>triage triage>sales triage>help_desk sales>E help_desk>E",
        report=("add_node",),
    ),
    Foreign(
        "route assigned before it is returned",
        """
llm = ChatOpenAI(model="gpt-4o")
def answer(state): return {"messages": [llm.invoke(state["messages"])]}
def more(state): return {"messages": [llm.invoke([SystemMessage("More.")])]}

def decide_next(state):
    last = state["messages"][-1].content
    route = END
    if "more" in last:
        route = "more"
    return route

g = StateGraph(State)
g.add_node("answer", answer)
g.add_node("more", more)
g.add_edge(START, "answer")
g.add_conditional_edges("answer", decide_next, ["more", END])
g.add_edge("more", "answer")
app = g.compile()
""",
        {"answer": "agent", "decide_next": "router", "more": "agent"},
        "S>answer answer>more answer>E more>answer",
        {"decide_next": {"conditions": [{"label": "more", "pattern": "more"}], "default": "end"}},
        labels="decide_next-more>more decide_next-end>end",
    ),
    Foreign(
        "main guard and other libraries",
        """
import langgraph.graph as lg
from anthropic import Anthropic
from langchain_anthropic import ChatAnthropic as Claude

client = Anthropic()

def write(state):
    reply = client.messages.create(model="claude-sonnet-4", system="You write.", messages=[])
    return {"messages": [reply.content]}

def check(state):
    return {"messages": [Claude(model="claude-haiku").invoke([SystemMessage("You check.")])]}

if __name__ == "__main__":
    g = lg.StateGraph(State)
    g.add_node("write", write)
    g.add_node("check", check)
    g.add_edge(lg.START, "write")
    g.add_edge("write", "check")
    g.add_edge("check", lg.END)
    print(g.compile().invoke({}))
""",
        {"write": "agent", "check": "agent"},
        "S>write write>check check>E",
        {
            "write": {"model": "claude-sonnet-4", "prompt": "You write."},
            "check": {"model": "anthropic:claude-haiku", "prompt": "You check."},
        },
        app=None,
    ),
    Foreign(
        "parallel fan out of plain edges",
        """
llm = ChatOpenAI(model="gpt-4o")
def make(text):
    return lambda state: {"messages": [llm.invoke([SystemMessage(text), *state["messages"]])]}

g = StateGraph(State)
g.add_node("split", make("Split."))
g.add_node("left", make("Left."))
g.add_node("right", make("Right."))
g.add_node("join", make("Join."), defer=True)
g.add_edge(START, "split")
g.add_edge("split", "left")
g.add_edge("split", "right")
g.add_edge(["left", "right"], "join")
g.add_edge("join", END)
app = g.compile()
""",
        {"split": "agent", "left": "agent", "right": "agent", "join": "agent"},
        "S>split split>left split>right left>join right>join join>E",
        {"left": {"prompt": "Left."}, "join": {"prompt": "Join."}},
    ),
]
