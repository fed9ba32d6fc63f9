"""What docs/builder-studio.md names is there: modules, and a test for every check."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "builder-studio.md").read_text(encoding="utf-8")


def test_every_check_names_a_test_that_exists() -> None:
    rows = PAGE.partition("## Checks")[2].strip().splitlines()[2:]
    assert len(rows) >= 19
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8") or not test, row


def test_every_decision_names_where_it_lives() -> None:
    rows = re.findall(r"^\| \d+ \|.*$", PAGE, re.MULTILINE)
    assert len(rows) == 32
    for row in rows:
        places = re.findall(r"`([\w./]+)`", row.rstrip(" |").rpartition("|")[2])
        assert places, row
        assert all((ROOT / "builder_jupyter" / place).exists() for place in places), row
