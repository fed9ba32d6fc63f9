"""``billing`` as a command and `bj.billing` in a cell, with a server on the database and without."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_kit import WINDOW, Bookkeeping, every_kind
from processes import TOKEN, ServerProcess, chain

import builder_jupyter as bj
from builder_jupyter import cli
from builder_jupyter.client.connect import connect
from builder_jupyter.errors import InvalidInput

AGENT = chain({"id": "agent", "type": "agent", "data": {"prompt": "p"}})
TODAY = datetime.now(UTC).date()
DAYS = ["--from", str(TODAY - timedelta(days=1)), "--to", str(TODAY + timedelta(days=2))]


def billing(server: ServerProcess, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "builder_jupyter.cli", "billing", *arguments],
        check=False, capture_output=True, text=True, env=server.environment, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_beside_a_server_and_without_one(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.gate.touch()
        for number in range(3):
            assert server.run(AGENT, {"message": str(number)}, sync=True)["status"] == "completed"
        place = ["--data-dir", str(server.data)]
        files = {ending: tmp_path / f"e.{ending}" for ending in ("csv", "jsonl", "parquet")}
        for file in files.values():
            assert billing(server, "export", *DAYS, "--out", str(file), *place) == (0, "", f"Wrote {file}\n")
            assert file.stat().st_mode & 0o077 == 0, "nobody else's business"
        assert len(files["csv"].read_text().splitlines()) == 5
        for file in files.values():
            assert billing(server, "validate", str(file)) == (0, "", "No fault found\n")
        chosen = [
            "--version",
            "1.4",
            "--columns",
            "BilledCost,InvoiceId",
            "--format",
            "csv",
            "--out",
            str(tmp_path / "c"),
        ]
        assert billing(server, "export", *DAYS, *chosen, *place)[0] == 0
        assert (tmp_path / "c").read_text().splitlines()[0] == "BilledCost,InvoiceId"
        code, _, said = billing(server, "export", *DAYS, "--version", "1.4", "--out", str(tmp_path / "d.csv"), *place)
        assert (code, "columns" in said, (tmp_path / "d.csv").exists()) == (2, True, False)
        with connect(server.url, key=TOKEN) as client:
            data = bj.billing(client=client)
            assert data.credits_left()["Balance"].tolist() == [1997]
            assert data.validate().empty
            assert int(data.by_workflow().iloc[:, -1].count()) == 3
            early = bj.billing(TODAY - timedelta(days=800), TODAY - timedelta(days=1), client=client)
            assert early.sql("SELECT count(*) AS n FROM focus")["n"].tolist() == [0], (
                "in three parts, all of them empty"
            )
            with pytest.raises(InvalidInput):
                bj.billing("2026-02-01", "2026-01-01", client=client)
            with pytest.raises(InvalidInput):
                bj.billing("soon", client=client)
    after = tmp_path / "after.csv"
    assert billing(server, "export", *DAYS, "--out", str(after), *place)[0] == 0
    assert after.read_bytes() == files["csv"].read_bytes(), "the same without the server"


def test_in_a_process_of_ones_own() -> None:
    with connect("embedded") as client:
        run = client.run(bj.Workflow.from_dict({"name": "w", **AGENT}), show=False)
        assert run.status == "completed"
        data = bj.billing(client=client)
        assert data.sql("SELECT ChargeCategory AS c FROM focus ORDER BY x_PostedAt")["c"].tolist()[-1] == "Usage"
        assert data.validate().empty


def test_faults_are_named_with_their_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = Bookkeeping(tmp_path / "data")
    every_kind(book)
    lines = book.export().decode().split("\r\n")
    book.stop()
    file = tmp_path / "e.csv"
    for number in (3, 7):
        lines[number] = lines[number].replace("Usage-Based", "Usage-based")
    file.write_text("\r\n".join(lines), newline="")
    assert cli.main(["billing", "validate", str(file)]) == 1
    told = capsys.readouterr()
    words = "is not one of One-Time, Recurring, Usage-Based"
    assert told.out.splitlines() == [f"row {row}, ChargeFrequency: 'Usage-based' {words}" for row in (3, 7)]
    assert told.err == "2 faults\n"
    # As many as there are are counted, and as many as one reads are shown.
    file.write_text(
        "\r\n".join([lines[0], *(line.replace("Usage-Based", "Daily") for line in lines[1:-1] * 4)]), newline=""
    )
    assert cli.main(["billing", "validate", str(file)]) == 1
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 101
    assert told.out.splitlines()[-1].startswith("and ")


def test_wrong_usage_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for ending in ("jsonl", "parquet"):
        (tmp_path / f"broken.{ending}").write_text("{")
    place = ["--data-dir", str(tmp_path / "data")]
    out = ["--out", str(tmp_path / "e.csv")]
    for arguments, said in (
        (["export", "--from", WINDOW[1], "--to", WINDOW[0], *out, *place], "'to' must come after 'from'"),
        (["export", "--from", "then", "--to", WINDOW[0], *out, *place], "'from' is no time"),
        (["export", "--from", WINDOW[0], "--to", WINDOW[1], "--out", str(tmp_path / "e.xlsx"), *place], "no format"),
        (["export", "--from", WINDOW[0], "--to", WINDOW[1], *out, *place, "--columns", "Price"], "no column Price"),
        (["validate", str(tmp_path / "none.csv")], "There is no file"),
        (["validate", str(tmp_path / "broken.jsonl")], "line 1 is not JSON"),
        (["validate", str(tmp_path / "broken.parquet")], "cannot be read"),
        (["validate", str(tmp_path / "none.parquet")], "none.parquet"),
    ):
        assert cli.main(["billing", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "e.csv").exists()
