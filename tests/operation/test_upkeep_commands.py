"""``backup``, ``restore`` and ``purge`` as commands, with a server on the database and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from processes import TOKEN, ServerProcess, chain

from builder_jupyter import cli
from builder_jupyter.cli.options import seconds_of
from builder_jupyter.client.connect import connect

SUMS = chain({"id": "sums", "type": "tool", "data": {"tool_name": "calculator", "arguments": {"expression": "1 + 1"}}})
ASKS = chain({"id": "ask", "type": "human"})


def command(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "builder_jupyter.cli", "--data-dir", str(server.data), *arguments],
        check=False, capture_output=True, text=True, env=server.environment, timeout=120,
    )  # fmt: skip


def shown(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def listed(server: ServerProcess) -> set[str]:
    return {row["executionId"] for row in server.call("GET", "api/builder/executions")["executions"]}


def test_beside_a_server_and_without_one(tmp_path: Path) -> None:
    archive = tmp_path / "monday.tar"
    with ServerProcess(tmp_path) as server:
        done = server.run(SUMS, sync=True)["executionId"]
        waiting = server.run(ASKS)["executionId"]
        assert "Wrote" in shown(command(server, "backup", str(archive)))
        assert archive.stat().st_mode & 0o777 == 0o600
        later = server.run(SUMS, sync=True)["executionId"]

        exists = shown(command(server, "backup", str(archive)), 1)
        assert exists.startswith("error: ")
        assert "--force" in exists
        assert "Wrote" in shown(command(server, "backup", str(archive.with_name("tuesday.tar"))))
        locked = shown(command(server, "restore", str(archive), "--force"), 1)
        assert str(server.process.pid) in locked
        assert locked.count("\n") == 1

        # What just ended is projected in the background; until then a purge leaves it alone.
        server.until(
            lambda: "Would remove 2 executions" in shown(command(server, "purge", "--older-than", "0s", "--dry-run"))
        )
        assert "Would remove 0 executions" in shown(command(server, "purge", "--older-than", "30d", "--dry-run"))
        assert listed(server) == {done, waiting, later}
        assert "Removed 2 executions" in shown(command(server, "purge", "--older-than", "0s"))
        assert listed(server) == {waiting}
        third = server.run(SUMS, sync=True)["executionId"]
        assert listed(server) == {waiting, third}

    refused = shown(command(server, "restore", str(archive)), 1)
    assert "--force" in refused
    kept = shown(command(server, "restore", str(archive), "--force"))
    assert "Restored" in kept
    assert "before-restore" in kept
    with ServerProcess(tmp_path) as server:
        assert listed(server) == {done, waiting}
        assert server.log.count("resumed 1 executions") == 1
        with connect(server.url, key=TOKEN) as client:
            about = client.status()
        assert (about["resumed"], about["waiting"], about["dataDir"]) == (1, 1, str(server.data))
    assert "Removed 1 executions" in shown(command(server, "purge", "--older-than", "0s"))
    assert "Wrote" in shown(command(server, "backup", str(archive), "--force"))


def test_a_download_that_breaks_off_is_no_backup(tmp_path: Path) -> None:
    broken = (
        "import shutil\nfrom builder_jupyter.services.upkeep import UpkeepService\npack = UpkeepService.pack\n"
        "async def broken(self):\n"
        "    path = await pack(self)\n"
        "    shutil.rmtree(path.parent)\n"
        "    return path\n"
        "UpkeepService.pack = broken\n"
    )
    with ServerProcess(tmp_path, config=broken) as server:
        failed = shown(command(server, "backup", str(tmp_path / "x.tar")), 1)
    assert failed.startswith("error: ")
    assert not list(tmp_path.glob("x.tar*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("purge", "--older-than", "soon"),
        ("purge", "--older-than", "-1d"),
        ("purge",),
        ("purge", "--older-than", "1d"),
        ("backup", "nowhere/x.tar"),
        ("backup", "."),
        ("backup", "x.tar"),
        ("restore", "nothing.tar"),
        ("restore", "text.tar"),
    ],
)
def test_mistakes_are_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.tar").write_text("no archive")
    assert cli.main(["--data-dir", "data", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "data" / "builder.duckdb").exists()
    assert not (tmp_path / "x.tar").exists()


def test_ages() -> None:
    ages = {"30d": 30 * 86_400, "12h": 43_200, "2w": 14 * 86_400, "5m": 300, "0s": 0, " 7 d ": 7 * 86_400}
    assert {age: seconds_of(age) for age in ages} == ages
