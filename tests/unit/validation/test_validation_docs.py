from pathlib import Path

from builder_jupyter.graph.edits import OPS
from builder_jupyter.graph.model import Profile
from builder_jupyter.validation import RULES

TEXT = (Path(__file__).parents[3] / "docs" / "validation.md").read_text(encoding="utf-8")


def rows_below(heading):
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_tables_have_every_rule_in_its_order():
    for heading, profile in (("Rules of workflows", Profile.BUILDER), ("Rules of canvases", Profile.DIRECT)):
        expected = [f"| `{rule.code}` | {rule.severity} | {rule.meaning} |" for rule in RULES[profile]]
        assert rows_below(heading) == expected


def test_the_table_of_edits_has_every_op():
    assert [row.split("`")[1] for row in rows_below("Edits")] == list(OPS)
