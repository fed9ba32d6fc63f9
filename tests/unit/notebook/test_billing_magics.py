"""`%focus`, `%%focus`, `%credits` and budgets, in an IPython shell over a real runtime with a real ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell
from shell_kit import failure

import builder_jupyter as bj
from builder_jupyter.client import default
from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.client.focus import FocusData
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import BudgetExceeded, BuilderError, InvalidInput, NotFound
from builder_jupyter.notebook.charts import Chart
from builder_jupyter.notebook.completion import complete

CREDITS = Path(__file__).parents[2] / "data" / "focus_credits.csv"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A workspace that pays: what lies on disk has a grant and a limit."""
    model = ScriptedModel(lambda request: "Yes.")
    with Client(open_embedded(models=ScriptedModels(model), data_dir=tmp_path)) as client:
        default._clients[os.getpid()] = client
        yield client
    default._clients.clear()


@pytest.fixture
def answers(client: Client) -> bj.Workflow:
    flow = bj.workflow("answers")
    flow.start >> flow.agent("first", prompt="x") >> flow.agent("second", prompt="y") >> flow.end()
    return client.save(flow.build())


def test_sql_over_what_the_runs_have_cost(do: Callable[[str], Any], client: Client, answers: bj.Workflow) -> None:
    client.run(answers, show=False)
    frame = do(
        "%%focus\nSELECT x_StepId, -x_CreditDelta AS Credits\n"
        "FROM focus WHERE ChargeCategory = 'Usage' ORDER BY x_StepId"
    )
    assert frame.to_dict("list") == {"x_StepId": ["first", "second"], "Credits": [1.0, 1.0]}


def test_a_dataset_in_a_variable_and_other_libraries(do: Callable[[str], Any], shell: InteractiveShell) -> None:
    shell.user_ns["costs"] = bj.focus(CREDITS)
    for word in ("$costs", "costs"):
        assert do(f"%%focus --data {word}\nSELECT count(*) AS n FROM focus")["n"].tolist() == [108]
    polars = do("%%focus --data $costs --to polars\nSELECT 1 AS n")
    assert isinstance(polars, pl.DataFrame)
    assert polars.rows() == [(1,)]


def test_ready_made_questions(do: Callable[[str], Any], shell: InteractiveShell) -> None:
    shell.user_ns["costs"] = bj.focus(CREDITS)
    listed = do("%focus --data $costs")
    assert {"costs-by-service", "burn-down"} <= set(listed.index)
    frame = do("%focus use-case credits-by-run limit=2 --data $costs")
    assert len(frame) == 2
    none = do("%focus use-case credits-by-run --data $costs --from 2026-01-05 --to-date 2026-01-05")
    assert len(none) == 0
    whole = do("%focus use-case credits-by-run limit=1000 --data $costs --from 2026-01-01 --to-date 2026-02-01")
    assert whole["Credits"].sum() == 3418.0, "a refund of February belongs to the charge of January"


def test_what_is_drawn_is_returned_too(
    do: Callable[[str], Any], shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.user_ns["costs"] = bj.focus(CREDITS)
    shown: list[Any] = []
    monkeypatch.setattr("builder_jupyter.notebook.magics.billing.display", shown.append)
    frame = do("%focus use-case credits-by-workflow --data $costs --plot")
    assert isinstance(frame, pd.DataFrame)
    (chart,) = shown
    assert isinstance(chart, Chart)
    bundle, _ = chart._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "application/vnd.vegalite.v5+json", "image/png"}


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("%focus use-case no-such", NotFound, "no-such"),
        ("%focus something else", InvalidInput, "use-case NAME"),
        ("%%focus use-case burn-down\nSELECT 1", InvalidInput, "%focus use-case NAME"),
        ("%%focus", InvalidInput, "asks nothing"),
        ("%%focus --from 2026-01-01\nSELECT 1", InvalidInput, "sees all"),
        ("%%focus --data $nothing\nSELECT 1", InvalidInput, "nothing"),
        ("%%focus --data $wrong\nSELECT 1", InvalidInput, "no FOCUS dataset"),
        ("%%focus\nSELEKT 1", InvalidInput, "SELEKT"),
        ("%focus use-case burn-down --from never", InvalidInput, "never"),
        ("%focus use-case credits-by-run limt=2", InvalidInput, "limt"),
    ],
)
def test_what_is_wrong_is_one_line(shell: InteractiveShell, code: str, kind: type[BuilderError], words: str) -> None:
    shell.user_ns["wrong"] = 5
    error = failure(shell, code)
    assert isinstance(error, kind)
    (line,) = error._render_traceback_()
    assert words in line
    assert "\n" not in line


def test_credits_say_what_is_left(do: Callable[[str], Any], client: Client, answers: bj.Workflow) -> None:
    client.run(answers, show=False)
    client.budget(300)
    view = do("%credits")
    assert repr(view).splitlines()[0] == (
        "1,998 credits left in default, 0.286 a day over the last week, lasting 6,993 days,"
        " 298 of this month's budget of 300 credits left"
    )
    assert view.history == [0.0, 1998.0]
    html = view._repr_html_()
    assert "1,998 credits left" in html
    assert "<svg" not in html, "inline pictures vanish from notebooks that are not trusted"
    assert "data:image/svg+xml" in html


def test_credits_of_a_workspace_without_charges(do: Callable[[str], Any]) -> None:
    assert repr(do("%credits")).startswith("2,000 credits left in default, nothing used lately")


def test_a_run_beyond_the_budget_is_refused_in_the_cell(
    shell: InteractiveShell, do: Callable[[str], Any], client: Client, answers: bj.Workflow
) -> None:
    do("import builder_jupyter as bj\nbj.budget(3)")
    assert do("bj.budget()")["left"] == 3
    do("%run_workflow answers --quiet")
    error = failure(shell, "%run_workflow answers --quiet")
    assert isinstance(error, BudgetExceeded)
    (line,) = error._render_traceback_()
    assert "BUDGET_EXCEEDED" in line
    assert "3" in line
    assert client.credits()["balance"] == 1998, "the second run has spent nothing"
    assert len(client.executions()) == 1
    do("bj.budget(None)")
    do("%run_workflow answers --quiet")


def offers(shell: InteractiveShell, line: str) -> list[str]:
    word = line.rpartition(" ")[2]
    return complete(shell, SimpleNamespace(text_until_cursor=line, symbol=word, line=line))


def test_tab_completes_questions(shell: InteractiveShell) -> None:
    shell.user_ns["costs"] = bj.focus(CREDITS)
    assert offers(shell, "%focus ") == ["use-case"]
    assert offers(shell, "%focus use-case burn") == ["burn-down"]
    assert "limit=" in offers(shell, "%focus use-case credits-by-run ")
    assert offers(shell, "%focus --data ") == ["$costs"]
    assert offers(shell, "%%focus --p") == ["--plot"]


def test_the_window_is_half_open() -> None:
    costs = bj.focus(CREDITS)
    assert isinstance(costs, FocusData)
    first = costs.breakdown("day", measure="credits", start=datetime(2026, 1, 5, tzinfo=UTC), end="2026-01-06")
    assert first["Day"].tolist() == ["2026-01-05"]
