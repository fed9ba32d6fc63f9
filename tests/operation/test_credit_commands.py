"""``credits`` as a command, with a server on the database and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import TOKEN, ServerProcess, chain

from builder_jupyter import cli
from builder_jupyter.client.connect import connect
from builder_jupyter.errors import BudgetExceeded

ASKS = chain({"id": "ask", "type": "human"})


def credits_command(server: ServerProcess, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "builder_jupyter.cli", "credits", *arguments, "--data-dir", str(server.data)],
        check=False, capture_output=True, text=True, env=server.environment, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_beside_a_server_and_without_one(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        assert credits_command(server, "balance")[:2] == (0, "2000\n")
        added = credits_command(server, "add", "1000", "--paid", "8.00", "--receipt", "inv-17", "--note", "March")
        assert added == (0, "3000\n", "Added 1000 credits. Workspace default has:\n")
        code, _, said = credits_command(server, "add", "1000", "--paid", "8.00", "--receipt", "inv-17")
        assert code == 1
        assert "inv-17" in said
        code, out, _ = credits_command(server, "transactions")
        assert code == 0
        newest, grant = out.splitlines()
        assert newest.split()[1:4] == ["+1000", "3000", "purchase"]
        assert grant.split()[1:4] == ["+2000", "2000", "grant"]
        bought = newest.split()[4]
        assert credits_command(server, "refund", bought)[:2] == (0, "2000\n")
        assert "any number of credits" in credits_command(server, "budget")[1]
        assert "may spend 5 credits a month" in credits_command(server, "budget", "5")[1]
        with connect(server.url, key=TOKEN) as client:
            assert client.credits()["balance"] == 2000
            assert client.budget()["creditsPerMonth"] == 5
            assert client.budget(0)["left"] == 0
            assert list(client.transactions(2)["kind"]) == ["purchase_refund", "purchase"]
            with pytest.raises(BudgetExceeded) as caught:
                client.run(_agent(), show=False)
            assert caught.value.details == {"required": 1, "balance": 2000, "budget": 0, "left": 0}
    assert credits_command(server, "balance")[:2] == (0, "2000\n"), "the same without the server"
    assert credits_command(server, "add", "7", "--grant", "--workspace", "other")[:2] == (0, "7\n")
    assert "may spend any number" in credits_command(server, "budget", "none")[1]
    lines = credits_command(server, "transactions", "--json", "--limit", "1")[1].splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["purchase_refund"]


def _agent() -> object:
    from builder_jupyter.graph.model import Workflow

    nodes = [{"id": "start", "type": "start"}, {"id": "a", "type": "agent"}, {"id": "end", "type": "end"}]
    edges = [{"source": "start", "target": "a"}, {"source": "a", "target": "end"}]
    return Workflow.from_dict({"name": "x", "nodes": nodes, "edges": edges})


def test_wrong_usage_is_said_in_a_line(capsys, tmp_path: Path) -> None:
    for arguments, said in (
        (["add", "5"], "--paid"),
        (["add", "5", "--paid", "cheap", "--data-dir", str(tmp_path)], "USD"),
        (["add", "0", "--grant", "--data-dir", str(tmp_path)], "number of credits"),
        (["budget", "many", "--data-dir", str(tmp_path)], "none"),
        (["refund", "exec_0", "--data-dir", str(tmp_path)], "no such purchase"),
    ):
        assert cli.main(["credits", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
