"""What there is to build with: node types and templates. Source: spec langgraph-builder §13."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from server import Call

from builder_jupyter.connectors.fakes import ScriptedModel

SEED_TYPES = ["start", "agent", "router", "tool", "human", "end"]
TEMPLATES = {
    "simple_agent": "beginner",
    "research_agent": "intermediate",
    "customer_support": "advanced",
    "multi_agent_supervisor": "advanced",
}


async def test_node_types(call: Call, full_key: str) -> None:
    answer = await call("GET", "/api/builder/node-types", key=full_key)
    assert answer.status == 200
    found = {item["type"]: item for item in answer.json["node_types"]}
    assert [name for name in found if name in SEED_TYPES] == SEED_TYPES, "in palette order"
    for item in found.values():
        assert set(item) == {"type", "name", "description", "icon", "color", "config_schema"}
        assert all(item[field].strip() for field in ("name", "description", "icon"))
        jsonschema.Draft202012Validator.check_schema(item["config_schema"])
    assert {"prompt", "model", "tools", "temperature"} <= set(found["agent"]["config_schema"]["properties"])
    assert {"conditions", "default"} <= set(found["router"]["config_schema"]["properties"])
    assert {"tool_name", "arguments"} <= set(found["tool"]["config_schema"]["properties"])
    assert {"prompt", "timeout", "options"} <= set(found["human"]["config_schema"]["properties"])
    assert "output" in found["end"]["config_schema"]["properties"]
    assert found["agent"]["color"] == "#8b5cf6"


async def test_the_data_of_the_templates_satisfies_the_schemas(call: Call, full_key: str) -> None:
    types = (await call("GET", "/api/builder/node-types", key=full_key)).json["node_types"]
    schemas = {item["type"]: item["config_schema"] for item in types}
    for name in TEMPLATES:
        for node in (await call("GET", f"/api/builder/templates/{name}", key=full_key)).json["nodes"]:
            jsonschema.Draft202012Validator(schemas[node["type"]]).validate(node.get("data", {}))


async def test_templates(call: Call, full_key: str) -> None:
    answer = await call("GET", "/api/builder/templates", key=full_key)
    assert answer.status == 200
    listed = answer.json["templates"]
    assert {item["id"]: item["difficulty"] for item in listed} == TEMPLATES
    for item in listed:
        assert set(item) == {"id", "name", "description", "difficulty", "node_count", "tags"}
        full = (await call("GET", f"/api/builder/templates/{item['id']}", key=full_key)).json
        assert {name: full[name] for name in item} == item
        assert set(full) - set(item) == {"nodes", "edges", "metadata"}
        assert len(full["nodes"]) == item["node_count"]


async def test_an_unknown_template(call: Call, full_key: str) -> None:
    for name in ("nothing", "..%2Fsimple_agent", "simple_agent.json", "%00"):
        answer = await call("GET", f"/api/builder/templates/{name}", key=full_key)
        assert (answer.status, answer.json["code"]) == (404, "TEMPLATE_NOT_FOUND")


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_is_sound_and_can_be_saved_as_it_is(name: str, call: Call, full_key: str) -> None:
    template = (await call("GET", f"/api/builder/templates/{name}", key=full_key)).json
    verdict = await call("POST", "/api/builder/validate", key=full_key, body=template)
    assert verdict.json == {"valid": True, "errors": [], "warnings": []}
    made = await call("POST", "/api/builder/workflows", key=full_key, body=template)
    assert made.status == 201
    assert {field: made.json[field] for field in ("name", "nodes", "edges")} == {
        field: template[field] for field in ("name", "nodes", "edges")
    }


def say(lines: dict[str, list[str]]) -> Any:
    """A script: what each agent says, by words of its prompt, one line a call."""
    left = {words: iter(said) for words, said in lines.items()}

    def answer(request: Any) -> str:
        prompt = request.messages[0].content
        return next(next(said) for words, said in left.items() if words in prompt)

    return answer


SCRIPTS = {
    "simple_agent": ({"helpful assistant": ["Four."]}, [], ["start", "assistant", "end"]),
    "research_agent": (
        {"You research": ["Notes"], "Weigh the notes": ["Findings"], "short report": ["Report"]},
        [],
        ["start", "search", "analyse", "report", "end"],
    ),
    "customer_support": (
        {"refunds": ["First draft"], "Rewrite": ["Second draft"]},
        ["revise", "approve"],
        ["start", "triage", "billing", "review", "revise", "end"],
    ),
    "multi_agent_supervisor": (
        {
            "You lead": ["RESEARCH", "WRITE", "DONE"],
            "gather": ["Facts"],
            "You write": ["Text"],
            "finished text": ["Final"],
        },
        [],
        ["start", "supervisor", "next", "researcher", "writer", "editor", "end"],
    ),
}
OUTPUTS = {
    "simple_agent": "Four.",
    "research_agent": "Report",
    "customer_support": "Second draft",
    "multi_agent_supervisor": "Final",
}


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_runs_to_its_end(name: str, call: Call, full_key: str, scripted: ScriptedModel) -> None:
    script, answers, visited = SCRIPTS[name]
    scripted.script = say(script)
    template = (await call("GET", f"/api/builder/templates/{name}", key=full_key)).json
    made = (await call("POST", "/api/builder/workflows", key=full_key, body=template)).json
    run = {"canvasId": made["id"], "triggerNodeId": "start", "inputs": {"message": "A refund, please"}, "sync": True}
    if answers:
        run["timeoutSeconds"] = 1
    picture = (await call("POST", "/api/run", key=full_key, body=run)).json
    path = f"/api/builder/executions/{picture['executionId']}"
    for answer in answers:
        waits = (await call("GET", f"{path}/waitpoints", key=full_key)).json["waitpoints"][0]["waitpointId"]
        done = await call("POST", f"/api/builder/waitpoints/{waits}/complete", key=full_key, body={"answer": answer})
        assert done.status == 200
        while (await call("GET", path, key=full_key)).json["status"] == "running":
            continue
    picture = (await call("GET", path, key=full_key)).json
    assert (picture["status"], picture["output"]) == ("completed", OUTPUTS[name])
    done_steps = {step["stepId"] for step in picture["steps"] if step["status"] == "completed"}
    assert done_steps == set(visited)


async def test_about(call: Call, full_key: str) -> None:
    answer = await call("GET", "/api/builder", key=full_key)
    assert answer.status == 200
    assert (answer.json["name"], answer.json["version"]) == ("builder_jupyter", "1.0.0")
    assert {"workflows", "validate", "node-types", "templates", "executions"} <= set(answer.json["features"])
