"""Files as the clouds deliver them: maps for tags, manifests, folders of periods, the word NULL, other versions."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from builder_jupyter.client.focus import focus
from builder_jupyter.errors import InvalidInput, NotFound

DATA = Path(__file__).parents[3] / "data"
SAMPLE = Path(__file__).parents[4] / "notebooks" / "data" / "focus_1_0_real_1000.csv.gz"


def parquet(place: Path, select: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"SELECT {select}").write_parquet(str(place))
    return place


def aws(cost: float, day: str = "2025-05-03") -> str:
    return (
        f"{cost}::DOUBLE AS BilledCost, {cost}::DOUBLE AS EffectiveCost, 'AWS' AS ProviderName,"
        f" TIMESTAMP '{day} 10:00:00' AS ChargePeriodStart, MAP {{'user:team': 'red', 'odd.key/x': 'a'}} AS Tags,"
        " MAP {'discount': 'y'} AS x_Discounts"
    )


def test_the_thousand_real_rows_load_and_none_is_lost() -> None:
    real = focus(SAMPLE)
    counts = real.sql(
        "SELECT count(*) AS n, count(BilledCost) AS billed, count(ChargePeriodStart) AS starts, count(Tags) AS tags,"
        " count(*) FILTER (ServiceProviderName = 'AWS') AS aws, count(Id) AS ids FROM focus"
    )
    assert counts.iloc[0].tolist() == [1000, 1000, 1000, counts["tags"][0], 942, 1000]
    assert real.unread().empty
    # Seven rows say "Usage-based"; no class is "Correction", all are empty.
    words = real.sql("SELECT DISTINCT ChargeFrequency AS f FROM focus ORDER BY f")["f"].tolist()
    assert words == ["One-Time", "Usage-Based"]
    assert real.use_case("without-corrections")["BilledCost"].sum() == pytest.approx(20.520227, abs=1e-6)
    assert real.sql("SELECT count(*) AS n FROM focus WHERE ServiceName = 'NULL'")["n"][0] == 0
    assert len(real.validate()) == 1000  # rounded and of an old version: to be worked with all the same


def test_tags_are_objects_whatever_they_come_as(tmp_path: Path) -> None:
    parquet(tmp_path / "aws.parquet", aws(2))
    assert focus(tmp_path / "aws.parquet").by_tag("user:team").iloc[0].tolist() == ["red", 2.0, 2.0, 1]
    assert focus(tmp_path / "aws.parquet").by_tag("odd.key/x")["Value"].tolist() == ["a"]
    azure = tmp_path / "azure.csv"
    azure.write_text(
        'BilledCost,EffectiveCost,ChargePeriodStart,Tags\r\n1,1,2025-05-03T10:00Z,"{""team"":""red""}"\r\n'
        '2,2,2025-05-03T10:00:00+02:00,"""team"": ""blue"", ""env"": ""x"""\r\n3,3,2025-05-03,NULL\r\n'
    )
    data = focus(azure)
    assert data.by_tag("team")["Value"].tolist()[1:] == ["blue", "red"]
    assert data.by_tag("team")["EffectiveCost"].tolist() == [3, 2, 1]
    starts = data.sql("SELECT ChargePeriodStart AS s FROM focus ORDER BY BilledCost")["s"]
    assert [f"{s:%H:%M}" for s in starts] == ["10:00", "08:00", "00:00"]
    assert data.unread().empty


def test_a_manifest_says_which_files_count(tmp_path: Path) -> None:
    period = "BILLING_PERIOD=2025-05"
    parquet(tmp_path / "data" / period / "run-1" / "part-1.parquet", aws(100))
    parquet(tmp_path / "data" / period / "run-2" / "part-1.parquet", aws(3))
    parquet(tmp_path / "data" / period / "run-2" / "part-2.parquet", aws(4))
    for run, parts in (("run-1", 1), ("run-2", 2)):
        manifest = tmp_path / "metadata" / period / run / "export-Manifest.json"
        manifest.parent.mkdir(parents=True)
        listed = [f"s3://bucket/prefix/data/{period}/{run}/part-{n + 1}.parquet" for n in range(parts)]
        manifest.write_text(json.dumps({"executionCreatedAt": f"2025-05-0{run[-1]}T00:00:00Z", "dataFiles": listed}))
    data = focus(tmp_path)
    assert data.sql("SELECT sum(BilledCost) AS s FROM focus")["s"].tolist() == [7]  # what was replaced is not added
    assert focus(tmp_path / "data").sql("SELECT sum(BilledCost) AS s FROM focus")["s"].tolist() == [107]
    one = focus(tmp_path / "metadata" / period / "run-1" / "export-Manifest.json")
    with pytest.raises(NotFound):
        focus(_gone(tmp_path, period))
    assert one.sql("SELECT count(*) AS n FROM focus")["n"].tolist() == [1]


def _gone(place: Path, period: str) -> Path:
    manifest = place / "metadata" / period / "run-3" / "export-Manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"dataFiles": ["s3://bucket/data/part-9.parquet"]}))
    return manifest


def test_an_azure_manifest_lists_blobs(tmp_path: Path) -> None:
    (tmp_path / "run" / "part_0.csv").parent.mkdir()
    (tmp_path / "run" / "part_0.csv").write_text("BilledCost,EffectiveCost\n5,6\n")
    (tmp_path / "run" / "old.csv").write_text("BilledCost,EffectiveCost\n50,60\n")
    manifest = {"blobs": [{"blobName": "exports/run/part_0.csv", "byteCount": 1}], "runInfo": {"submittedTime": "2025"}}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    assert focus(tmp_path / "run").sql("SELECT sum(BilledCost) AS s FROM focus")["s"].tolist() == [5]


def test_folders_of_periods_and_patterns_are_one_dataset(tmp_path: Path) -> None:
    for month, cost in (("05", 1), ("06", 2)):
        parquet(tmp_path / f"billing_period=2025-{month}" / "a.parquet", aws(cost, f"2025-{month}-03"))
    for place in (tmp_path, f"{tmp_path}/**/*.parquet"):
        months = focus(place).by_month()
        assert months["BilledCost"].tolist() == [1, 2]
    periods = focus(tmp_path).sql("SELECT DISTINCT billing_period::VARCHAR AS p FROM focus ORDER BY p")
    assert periods["p"].tolist() == ["2025-05", "2025-06"]
    both = focus(tmp_path, DATA / "focus_credits.csv")
    assert both.sql("SELECT count(*) AS n FROM focus")["n"].tolist() == [110]


def test_what_is_typed_keeps_its_type_and_what_is_exact_stays_exact(tmp_path: Path) -> None:
    exact = tmp_path / "exact.csv"
    exact.write_text("BilledCost,EffectiveCost\n12345678901234567.1234567891,0.0000001\n")
    rows = focus(exact).sql("SELECT BilledCost::VARCHAR AS b, EffectiveCost::VARCHAR AS e FROM focus")
    assert rows.values.tolist() == [["12345678901234567.123456789100000", "0.000000100000000"]]
    parquet(tmp_path / "a.parquet", "1.5::DECIMAL(20, 4) AS BilledCost, now() AS ChargePeriodStart")
    types = dict(focus(tmp_path / "a.parquet")._dataset.columns())
    assert (types["BilledCost"], types["ChargePeriodStart"], types["Tags"]) == ("DECIMAL(20,4)", "TIMESTAMP", "JSON")


@pytest.mark.parametrize("lines", [True, False])
def test_our_own_export_reads_back(lines: bool) -> None:
    data = focus(DATA / ("focus_credits.jsonl" if lines else "focus_credits.csv"))
    found = data.sql(
        "SELECT count(*) AS n, sum(BilledCost) AS b, sum(EffectiveCost) AS e, -sum(x_CreditDelta) FILTER"
        " (ChargeCategory = 'Usage') AS used, count(*) FILTER (ChargeClass = 'Correction') AS c FROM focus"
    )
    assert found.iloc[0].tolist() == [108, 116, 12.76, 3418, 2]
    assert data.credits_left()["Balance"].tolist() == [12132]
    assert data.invoices()["BilledCost"].tolist() == [80, 36]
    assert data.validate().empty


def test_what_is_no_focus_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing-here"):
        focus(tmp_path / "nothing-here")
    with pytest.raises(InvalidInput):
        focus()
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput) as other:
        focus(tmp_path / "other.csv").by_month()
    assert other.value.code == "INVALID_FOCUS_FILE"
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InvalidInput) as broken:
        focus(tmp_path / "broken.parquet").by_month()
    assert broken.value.code == "INVALID_FOCUS_FILE"
    with pytest.raises(InvalidInput, match="several kinds"):
        focus(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InvalidInput):
        focus(tmp_path / "manifest.json")
