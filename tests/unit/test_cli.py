from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter import cli
from builder_jupyter.cli import demo, serve
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import ProviderError
from builder_jupyter.identity.jwt_settings import SECRET_VARIABLE

DEMO = Path(__file__).parents[2] / "notebooks"
SUPPORT = str(DEMO / "data" / "support.workflow.json")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    scripted = ScriptedModel(lambda request: f"About: {request.messages[-1].content}")
    monkeypatch.setattr("builder_jupyter.services.runtime.ModelHub", lambda **_: ScriptedModels(scripted))
    return scripted


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("BUILDER_JUPYTER_URL", "BUILDER_JUPYTER_KEY", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["--data-dir", str(tmp_path / "data"), *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def write(path: Path, document: Any) -> str:
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def test_a_file_runs_and_its_output_is_all_there_is_on_stdout(run: Run, model: ScriptedModel) -> None:
    assert run("run", SUPPORT, "--input", "message=my invoice") == (0, "About: About: About: my invoice\n", "")
    assert run("run", "Customer Support Agent", "--input", "message=my invoice")[0] == 0


def test_the_execution_as_json(run: Run, model: ScriptedModel, tmp_path: Path) -> None:
    inputs = write(tmp_path / "inputs.json", {"message": "login", "n": 1})
    code, out, _ = run("run", SUPPORT, "--inputs-file", inputs, "--input", "n=2", "--input", "s=x=y", "--json")
    assert code == 0
    assert json.loads(out)["inputs"] == {"message": "login", "n": 2, "s": "x=y"}


def test_a_run_without_saving_leaves_no_database(run: Run, model: ScriptedModel, tmp_path: Path) -> None:
    assert run("run", SUPPORT, "--no-save", "--input", "message=hi")[0] == 0
    assert not (tmp_path / "data").exists()


def test_a_failed_run_is_1(run: Run, model: ScriptedModel) -> None:
    model.script = [ProviderError("The model hung up.")]
    code, out, err = run("run", SUPPORT, "--input", "message=invoice")
    assert (code, out) == (1, "")
    assert err == "error: The model hung up. (step 'billing')\n"


def test_a_run_that_waits_for_a_person_is_1(run: Run, model: ScriptedModel, tmp_path: Path) -> None:
    nodes = [{"id": "start", "type": "start"}, {"id": "ask", "type": "human"}, {"id": "end", "type": "end"}]
    edges = [{"source": "start", "target": "ask"}, {"source": "ask", "target": "end"}]
    code, _, err = run("run", write(tmp_path / "w.json", {"name": "w", "nodes": nodes, "edges": edges}))
    assert code == 1
    assert "waits at step 'ask'" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nothing.json"),
        ("run", "no such workflow"),
        ("run", "wf_000000000000"),
        ("run", SUPPORT, "--input", "message"),
        ("run", SUPPORT, "--inputs-file", "broken.json"),
        ("run", SUPPORT, "--inputs-file", "list.json"),
        ("run", SUPPORT, "--trigger", "nobody"),
        ("run", SUPPORT, "--no-such-option"),
        ("run",),
        ("validate", "broken.json"),
        ("validate", "binary.json"),
        ("validate", "list.json"),
        ("validate", "."),
        ("keys", "create", "--name", "x", "--scopes", "fly"),
        ("keys", "create", "--name", " "),
        ("keys", "revoke", "key_0"),
        ("token", "issue"),
        ("token", "issue", "--user", " "),
        ("token", "issue", "--user", "a\nb"),
        ("token", "issue", "--user", "x", "--ttl", "0"),
        ("token", "issue", "--user", "x", "--ttl", "soon"),
        ("token", "issue", "--user", "x", "--role", "king"),
        ("demo", "--ticket", "31"),
        ("nonsense",),
        (),
    ],
)
def test_bad_input_is_2_and_one_line(run: Run, model: ScriptedModel, tmp_path: Path, arguments: tuple[str]) -> None:
    write(tmp_path / "broken.json", '{"nodes": [')
    write(tmp_path / "list.json", [])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_a_token_needs_a_secret(run: Run, monkeypatch: pytest.MonkeyPatch, secret: str | None) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    if secret is not None:
        monkeypatch.setenv(SECRET_VARIABLE, secret)
    code, out, err = run("token", "issue", "--user", "x")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")


def test_findings_one_a_line(run: Run, tmp_path: Path) -> None:
    broken = {"name": "w", "nodes": [{"id": "start", "type": "start"}, {"id": "a", "type": "agent"}], "edges": []}
    path = write(tmp_path / "w.json", broken)
    code, out, err = run("validate", path)
    assert code == 1
    assert any(line.startswith("error  ORPHAN_NODE  a  ") for line in out.splitlines())
    assert err.startswith("w: invalid")
    code, out, _ = run("validate", "--json", path)
    assert (code, json.loads(out)["valid"]) == (1, False)
    assert json.loads(out)["errors"][0]["fixes"][0]["title"] == "Add an end node after 'start'"
    assert run("validate", SUPPORT) == (0, "", "Customer Support Agent: valid (0 errors, 0 warnings)\n")
    code, _, err = run("run", path)
    assert (code, err.count("\n")) == (1, 1)


def test_a_key_is_alone_on_stdout(run: Run) -> None:
    code, out, err = run("keys", "create", "--name", "ci", "--scopes", "run:workflows,read:canvases")
    assert code == 0
    assert out.startswith("builder_")
    assert out.count("\n") == 1
    assert out.strip() not in err
    code, listed, _ = run("keys", "list")
    assert out.strip() not in listed
    key_id = listed.split()[0]
    assert run("keys", "revoke", key_id)[0] == 0
    assert run("keys", "list")[1].rstrip().endswith("revoked")


def test_a_key_expires(run: Run) -> None:
    assert run("keys", "create", "--name", "ci", "--expires", "30d")[0] == 0
    assert "  until 20" in run("keys", "list")[1]
    code, _, err = run("keys", "create", "--name", "ci", "--expires", "soon")
    assert (code, err.count("\n")) == (2, 1)


def test_workspaces_members_and_invites(run: Run) -> None:
    made = run("workspaces", "create", "Team")[1].strip()
    here = ("--workspace", made)
    assert made.startswith("ws_")
    assert run("workspaces", "list")[1].splitlines() == ["default  owner  default", f"{made}  owner  Team"]
    assert run("workspaces", "rename", *here, "Band")[0] == 0
    assert run("members", "set", *here, "bob", "editor")[0] == 0
    assert run("members", "list", *here)[1].splitlines()[1] == "editor  bob"
    assert run("members", "remove", *here, "bob")[0] == 0
    invite = run("invites", "create", *here, "Zoe@X.org", "viewer")[1].strip()
    assert run("invites", "list", *here)[1] == f"{invite}  pending  viewer  zoe@x.org\n"
    assert run("invites", "revoke", *here, invite)[0] == 0
    assert run("workspaces", "delete", made)[0] == 0
    for wrong in (("workspaces", "delete", made), ("members", "remove", "bob"), ("invites", "revoke", "inv_0")):
        code, out, err = run(*wrong)
        assert (code, out, err.count("\n")) == (2, "", 1), wrong


def test_the_doctor_changes_nothing(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    for word in ("duckdb", "jupyter-server", "default model", "database", "in use by", "server"):
        assert word in out
    assert not (tmp_path / "data").exists()


def test_the_doctor_reports_a_server_that_is_silent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_JUPYTER_URL", "http://127.0.0.1:1/")
    code, out, _ = run("doctor")
    assert code == 1
    assert "http://127.0.0.1:1/ does not answer" in out


def test_the_demo_runs_and_says_how_to_go_on(
    run: Run, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("builder_jupyter.connectors.model_files.ensure_model", lambda _progress: Path())
    code, out, err = run("demo", "--no-lab", "--ticket", "1")
    assert (code, err) == (0, "")
    assert "Ticket T-1001" in out
    assert "About: Hello, I see two charges" in out
    assert "total" in out
    assert f"--ServerApp.root_dir={tmp_path / 'builder-demo'}" in out
    assert "default_url=/lab/tree/quickstart.ipynb" in out
    assert (tmp_path / "builder-demo" / "data" / "tickets.csv").is_file()
    model.script = [ProviderError("Broken.")]
    assert run("demo", "--no-lab")[0] == 1


def test_the_meter_of_a_download(capsys: pytest.CaptureFixture[str]) -> None:
    meter = demo.DownloadMeter(is_bar=False)
    for done in range(101):
        meter(done * 1_000_000, 100_000_000)
    meter.finish()
    assert len(capsys.readouterr().err.splitlines()) == 11
    bar = demo.DownloadMeter(is_bar=True)
    bar(50, 100)
    bar.finish()
    assert "[###############...............]  50%" in capsys.readouterr().err


def test_serve_passes_on_what_it_does_not_know(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    def become(command: list[str]) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(serve, "become", become)
    assert run("serve", "--port", "9000", "--root-dir", str(tmp_path))[0] == 0
    (command,) = commands
    assert command[:2] == [sys.executable, "-m"]
    assert "--no-browser" in command
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert f"--BuilderApp.data_dir={tmp_path / 'data'}" in command
    assert command[-2:] == ["--port", "9000"]


def test_an_interrupt_is_130(run: Run, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("builder_jupyter.client.client.Client.run", interrupt)
    assert run("run", SUPPORT) == (130, "", "interrupted\n")


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUILDER_", "JPY_"))}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "builder_jupyter.cli", "--data-dir", str(tmp_path / "data"), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)

    made = call("keys", "create", "--name", "ci")
    assert (made.returncode, made.stdout.count("\n")) == (0, 1)
    assert "examples:" in call("--help").stdout
    assert call("run").returncode == 2
