"""How fast billing data comes out of a server, and how fast a cell answers questions about it.

``python tests/benchmarks/focus.py`` exports a million charges from a real Jupyter server over HTTP as CSV and JSON
Lines: time to the first byte, to the last, and how much more memory the server's process took than it had when idle.
Then five questions on ten million charges in Parquet, asked of `bj.focus` and, in the same run, of plain DuckDB, polars
and pandas, each of which loads only the columns that the question needs. ``--quick`` has a tenth of each. Nothing is
asserted.
pandas reads Parquet by pyarrow, which has to be installed for it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# `http.py` beside this file is not the standard library's.
sys.path = [place for place in sys.path if Path(place or ".").resolve() != HERE]
sys.path.append(str(HERE.parent))

import duckdb  # noqa: E402
import httpx  # noqa: E402
import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402
from processes import TOKEN, ServerProcess  # noqa: E402

import builder_jupyter as bj  # noqa: E402
from builder_jupyter.costs.entry import COLUMNS  # noqa: E402
from builder_jupyter.storage.database import DATABASE, Database  # noqa: E402

ROUNDS = 3
YEAR = {"from": "2026-01-01", "to": "2027-01-01", "workspaceId": "default"}

# -- the export ----------------------------------------------------------------------------------------------------

# One grant, then usage: 50 models and workflows, in every hour of a year.
ENTRIES: dict[str, str] = {
    "position": "i + 1", "part": "0", "entry_id": "'le_' || lpad(i::VARCHAR, 12, '0')",
    "posted_at": "1767225600000 + i * (31000000000 // $rows)", "kind": "CASE WHEN i = 0 THEN 'grant' ELSE 'usage' END",
    "workspace": "'default'", "billing_account": "'installation'",
    "source": "CASE WHEN i = 0 THEN 'granted' ELSE 'held' END",
    "target": "CASE WHEN i = 0 THEN 'available' ELSE 'spent' END",
    "amount": "CASE WHEN i = 0 THEN 100000000 ELSE 1 + i % 3 END",
    "credits": "CASE WHEN i = 0 THEN 100000000 ELSE -1 - i % 3 END",
    "balance_after": "sum(CASE WHEN i = 0 THEN 100000000 ELSE -1 - i % 3 END) OVER (ORDER BY i)",
    "execution_id": "'exec_' || (i // 4)", "workflow_id": "'wf_' || (i % 50)", "workflow_version": "1",
    "workflow_name": "'Workflow number ' || (i % 50)", "trigger_type": "'api'", "step": "'step-' || (i % 4)",
    "visit": "1", "node_type": "CASE i % 4 WHEN 0 THEN 'agent' WHEN 1 THEN 'text-gen' ELSE 'tool' END",
    "price": "1 + i % 3", "price_version": "'v1'", "model": "'openai:model-' || (i % 5)", "input_tokens": "i % 900",
    "output_tokens": "i % 400", "quantity": "i % 900 + i % 400", "unit": "'Tokens'",
    "lot_id": "'le_000000000000'", "lot_position": "1", "rate": "0",
}  # fmt: skip


def fill(data: Path, rows: int) -> None:
    """Make a server's database with a ledger of so many entries."""
    data.mkdir(parents=True, exist_ok=True)
    Database(data).close()
    values = ", ".join(f"{ENTRIES.get(name, 'NULL')} AS {name}" for name in COLUMNS)
    with duckdb.connect(str(data / DATABASE)) as connection:
        connection.execute(f"INSERT INTO ledger SELECT {values} FROM range($rows) t(i)", {"rows": rows})


@contextmanager
def most_memory(pid: int) -> Iterator[list[float]]:
    """Look at a process's resident memory while the block runs; yield [idle, most] in MiB."""
    seen, over = [resident(pid)] * 2, threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen[1] = max(seen[1], resident(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def resident(pid: int) -> float:
    """Return a process's resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def exports(rows: int) -> None:
    """Print a row for each format."""
    print(f"\n{rows:,} charges over HTTP")
    print(f"{'format':8} {'first byte':>12} {'total':>10} {'size':>10} {'memory over idle':>18}")
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / "data", rows)
        for fmt in ("csv", "jsonl"):
            with ServerProcess(Path(folder)) as server, most_memory(server.process.pid) as memory:
                first, whole, size = download(server, fmt)
            print(
                f"{fmt:8} {first:10.2f} s {whole:8.1f} s {size:6.0f} MiB {memory[1] - memory[0]:14.0f} MiB", flush=True
            )


def download(server: ServerProcess, fmt: str) -> tuple[float, float, float]:
    """Return seconds to the first byte and to the last, and how many MiB there were."""
    size, first, begun = 0, 0.0, time.perf_counter()
    headers = {"Authorization": f"token {TOKEN}"}
    query = {**YEAR, "format": fmt}
    with httpx.stream(
        "GET", f"{server.url}api/billing/focus-export", params=query, headers=headers, timeout=None, trust_env=False
    ) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            first = first or time.perf_counter() - begun
            size += len(piece)
    return first, time.perf_counter() - begun, size / 2**20


# -- the questions -------------------------------------------------------------------------------------------------

CHARGES = """
    SELECT (i % 997)::DECIMAL(28, 10) / 100 AS BilledCost, ((i % 991)::DECIMAL(28, 10) / 100) AS EffectiveCost,
        ((i % 983)::DECIMAL(28, 10) / 50) AS ListCost, 'USD' AS BillingCurrency,
        'Service ' || (i % 40) AS ServiceName, 'Compute' AS ServiceCategory, 'account-' || (i % 25) AS SubAccountId,
        'Account ' || (i % 25) AS SubAccountName, 'resource-' || (i % 5000) AS ResourceId,
        CASE WHEN i % 50 = 0 THEN 'Purchase' ELSE 'Usage' END AS ChargeCategory,
        CASE WHEN i % 300 = 0 THEN 'Correction' END AS ChargeClass,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours((i % 8760)::INTEGER) AS ChargePeriodStart,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours((i % 8760 + 1)::INTEGER) AS ChargePeriodEnd,
        '{"team":"team-' || (i % 7) || '"}' AS Tags, 'Cloud' AS ServiceProviderName
    FROM range($rows) t(i)
"""
FROM_MARCH, TO_JULY = "2026-03-01", "2026-07-01"
Ask = Callable[[], Any]


def asked(file: Path) -> dict[str, dict[str, Ask]]:
    """Return by question and contestant what answers it. The answers are dataframes of the contestant's own kind."""
    data = bj.focus(file)
    place = f"read_parquet('{file}')"
    month = "date_trunc('month', ChargePeriodStart)"

    def plain(query: str) -> Ask:
        return lambda: duckdb.sql(query.replace("FOCUS", place)).df()

    def lazily(query: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Ask:
        return lambda: query(pl.scan_parquet(file)).collect()

    def frame(*names: str) -> pd.DataFrame:
        return pd.read_parquet(file, columns=list(names), dtype_backend="pyarrow")

    def pandas_months() -> Any:
        found = frame("ChargePeriodStart", "ServiceName", "EffectiveCost")
        found["month"] = found["ChargePeriodStart"].dt.strftime("%Y-%m")
        return found.groupby(["month", "ServiceName"])["EffectiveCost"].sum()

    def pandas_window() -> Any:
        found = frame("ChargePeriodStart", "SubAccountId", "BilledCost")
        is_in = (found["ChargePeriodStart"] >= pd.Timestamp(FROM_MARCH, tz="UTC")) & (
            found["ChargePeriodStart"] < pd.Timestamp(TO_JULY, tz="UTC")
        )
        return found[is_in].groupby("SubAccountId")["BilledCost"].sum()

    def pandas_tags() -> Any:
        found = frame("Tags", "EffectiveCost")
        found["team"] = found["Tags"].str.extract(r'"team":"([^"]*)"')[0]
        return found.groupby("team")["EffectiveCost"].sum()

    def pandas_resources() -> Any:
        found = frame("ResourceId", "EffectiveCost")
        return found.groupby("ResourceId")["EffectiveCost"].sum().astype("float64").nlargest(10)

    def pandas_corrections() -> Any:
        found = frame("ChargeClass", "ListCost", "EffectiveCost")
        found = found[found["ChargeClass"].isna()]
        return found[["ListCost", "EffectiveCost"]].sum()

    cost, start = pl.col("EffectiveCost"), pl.col("ChargePeriodStart")
    dates = [pl.lit(text).str.to_datetime(time_zone="UTC") for text in (FROM_MARCH, TO_JULY)]
    questions = {
        "by month, service": (
            f"SELECT {month} AS m, ServiceName, sum(EffectiveCost) FROM FOCUS GROUP BY ALL",
            lambda f: f.group_by(start.dt.truncate("1mo"), "ServiceName").agg(cost.sum()),
            pandas_months,
        ),
        "accounts, 4 months": (
            (
                f"SELECT SubAccountId, sum(BilledCost) FROM FOCUS WHERE ChargePeriodStart >= '{FROM_MARCH}'"
                f" AND ChargePeriodStart < '{TO_JULY}' GROUP BY ALL"
            ),
            lambda f: f.filter(start >= dates[0], start < dates[1]).group_by("SubAccountId").agg(pl.sum("BilledCost")),
            pandas_window,
        ),
        "by tag": (
            "SELECT json_extract_string(Tags, '$.team') AS t, sum(EffectiveCost) FROM FOCUS GROUP BY ALL",
            lambda f: f.group_by(pl.col("Tags").str.json_path_match("$.team")).agg(cost.sum()),
            pandas_tags,
        ),
        "ten dearest": (
            "SELECT ResourceId, sum(EffectiveCost) AS c FROM FOCUS GROUP BY ALL ORDER BY c DESC LIMIT 10",
            lambda f: f.group_by("ResourceId").agg(cost.sum()).top_k(10, by="EffectiveCost"),
            pandas_resources,
        ),
        "no corrections": (
            "SELECT sum(ListCost), sum(EffectiveCost) FROM FOCUS WHERE ChargeClass IS DISTINCT FROM 'Correction'",
            lambda f: f.filter(pl.col("ChargeClass").is_null()).select(pl.sum("ListCost"), cost.sum()),
            pandas_corrections,
        ),
    }
    return {
        name: {
            "bj.focus": lambda query=query: data.sql(query.replace("FOCUS", "focus")),
            "DuckDB": plain(query),
            "polars": lazily(scan),
            "pandas": by_pandas,
        }
        for name, (query, scan, by_pandas) in questions.items()
    }


def ask_all(rows: int, rounds: int) -> None:
    """Print a row for each question: medians; the contestants take turns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "charges.parquet"
        duckdb.execute("SET TimeZone = 'UTC'")
        duckdb.execute(f"COPY ({CHARGES}) TO '{file}' (FORMAT parquet)", {"rows": rows})
        questions = asked(file)
        print(f"\nFive questions on {rows:,} charges, {file.stat().st_size / 2**20:.0f} MiB of Parquet; ms")
        names = list(next(iter(questions.values())))
        print(f"{'':20}" + "".join(f"{name:>12}" for name in names))
        for question, ways in questions.items():
            times: dict[str, list[float]] = {name: [] for name in names}
            for number in range(rounds + 1):
                for name, ask in ways.items():
                    begun = time.perf_counter()
                    ask()
                    if number:  # the first one is for caches
                        times[name].append((time.perf_counter() - begun) * 1000)
            print(f"{question:20}" + "".join(f"{statistics.median(times[name]):12.0f}" for name in names), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 charges over HTTP, questions on 1,000,000")
    quick = parser.parse_args().quick
    exports(100_000 if quick else 1_000_000)
    ask_all(1_000_000 if quick else 10_000_000, ROUNDS)


if __name__ == "__main__":
    main()
