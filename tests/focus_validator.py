"""Hold an export with every kind of entry to the official tools; see docs/focus.md, "The official validator".

``python tests/focus_validator.py`` exports a ledger as CSV, and as JSON Lines made Parquet, has focus-validator judge
both and focus-data-toolkit convert the CSV to FOCUS 1.4. The tools need a Python from 3.12 on; an environment is made
for them once, in the user's cache. Without such a Python it says so and ends with 0; any other answer than the
expected one is 1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
from ledger_kit import Bookkeeping, every_kind

from builder_jupyter.costs.focus.columns import DataType, columns_of

PACKAGES = ("focus-validator==2.2.1", "pyarrow<22", "focus-data-toolkit==0.14.1")
"""With numpy below 2, which the validator asks for, a newer pyarrow cannot be imported."""

CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED", "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED", "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED", "PUBLIC_PRICE_LIST_SUPPORTED", "USAGE_MEASUREMENT_SUPPORTED",
    "UNIT_PRICING_SUPPORTED", "SUB_ACCOUNT_SUPPORTED", "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED", "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "VIRTUAL_CURRENCY_SUPPORTED", "TAGGING_SUPPORTED", "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
)  # fmt: skip
"""What is true of a vendor of credits: without them the rules that depend on it are skipped."""

EXPECTED = {"PASS": 287, "SKIPPED": 290, "FAIL": 1}
DEFECT = "InvoiceId-C-004-C"
"""'Must be null' and 'must not be null', one of which is always red; the rule above the two passes."""

LINE = re.compile(r"^\W*(?P<rule>[A-Za-z]+(?:-[A-Za-z0-9]+)+): (?P<result>PASS|FAIL|SKIPPED)\b", re.MULTILINE)
TYPES = {DataType.DECIMAL: "DECIMAL(28, 10)", DataType.DATETIME: "TIMESTAMPTZ"}


def python() -> Path | None:
    """Return a Python that the tools run on: this one, one on the path, one under pyenv, or a neighbour."""
    return next((one for one in _pythons() if _is_new_enough(one)), None)


def _pythons() -> Iterator[Path]:
    yield Path(sys.executable)
    for name in ("python3.12", "python3.13"):
        found = shutil.which(name)
        if found:
            yield Path(found)
    for root in (os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")):
        if root:
            yield from sorted(Path(root).glob("versions/3.1[23]*/bin/python"))
    # Where this one lies in pyenv, its neighbours are.
    yield from sorted(Path(sys.base_prefix).parent.glob("3.1[23]*/bin/python"))


def _is_new_enough(one: Path) -> bool:
    """Ask it: what pyenv puts on the path may stand for nothing."""
    asked = [str(one), "-c", "import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def environment(chosen: Path) -> Path:
    """Return the folder of programs of an environment with the tools; make it when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "builder-jupyter" / "focus-tools"
    done = cache / "packages.txt"
    if not done.is_file() or done.read_text() != "\n".join(PACKAGES):
        print(f"Making an environment with {', '.join(PACKAGES)} …", flush=True)
        subprocess.run([str(chosen), "-m", "venv", "--clear", str(cache)], check=True)
        subprocess.run([str(cache / "bin" / "pip"), "install", "--quiet", *PACKAGES], check=True)
        done.write_text("\n".join(PACKAGES))
    return cache / "bin"


def write_exports(folder: Path) -> None:
    """Write the ledger as CSV, as JSON Lines made Parquet, and as CSV with a currency that ISO 4217 has."""
    book = Bookkeeping(folder / "data")
    every_kind(book)
    (folder / "export.csv").write_bytes(book.export())
    (folder / "export.jsonl").write_bytes(book.export(fmt="jsonl"))
    book.stop()
    to_parquet(folder / "export.jsonl", folder / "export.parquet")
    book = Bookkeeping(folder / "data-iso", billing={"credit_currency": "XXX"})
    every_kind(book)
    (folder / "iso.csv").write_bytes(book.export())
    book.stop()


def to_parquet(lines: Path, place: Path) -> None:
    """Make JSON Lines a Parquet file: decimals exact, times with their zone, all else texts."""
    columns = columns_of()
    texts = ", ".join(f"'{column.name}': 'VARCHAR'" for column in columns)
    typed = ", ".join(f"{column.name}::{TYPES.get(column.type, 'VARCHAR')} AS {column.name}" for column in columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        read = f"read_json('{lines}', format = 'newline_delimited', columns = {{{texts}}})"
        connection.execute(f"COPY (SELECT {typed} FROM {read}) TO '{place}' (FORMAT parquet)")


def judge(programs: Path, file: Path) -> str:
    """Return what is wrong with the validator's report of a file; ``""`` for nothing.

    It ends with 0 whatever it finds, and looks for a table of its own below the working directory.
    """
    asked = [str(programs / "python"), "-c", "import focus_validator; print(focus_validator.__path__[0])"]
    package = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "focus_validator").symlink_to(package)
        command = [
            str(programs / "focus-validator"), "--data-file", str(file), "--validate-version", "1.2",
            "--block-download", "--applicability-criteria", ",".join(CRITERIA),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=scratch, check=False)
    results = {match["rule"]: match["result"] for match in LINE.finditer(done.stdout)}
    found, failed = Counter(results.values()), sorted(rule for rule, result in results.items() if result == "FAIL")
    print(f"{file.name}: {dict(found)}, red: {', '.join(failed)}", flush=True)
    if found == EXPECTED and failed == [DEFECT]:
        return ""
    return f"{file.name}: expected {EXPECTED} with {DEFECT}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def convert(programs: Path, file: Path, folder: Path) -> str:
    """Return what is wrong with a file's conversion to FOCUS 1.4; ``""`` for nothing.

    Its exit code says that datasets beside Cost and Usage cannot be made: what counts is what its linter says.
    """
    command = [str(programs / "focus-toolkit"), "convert", "--cost-and-usage", str(file), "--out", str(folder / "1.4")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    said = done.stdout + done.stderr
    is_right = re.findall(r"^lint .*$", said, re.MULTILINE) == ["lint [Cost and Usage]: lint OK"]
    print(f"{file.name} to FOCUS 1.4: {'lint OK' if is_right else 'refused'}", flush=True)
    return "" if is_right else f"{file.name}: no 'lint OK'\n{said[-4000:]}"


def main() -> int:
    """Return 1 when one of the tools says anything else than what is expected."""
    os.environ.pop("PYTHONPATH", None)  # this file has the name of the package that is run
    chosen = python()
    if chosen is None:
        line = "!" * 78
        print(f"{line}\nNOT CHECKED: focus-validator needs Python 3.12 or 3.13, and there is none.\n{line}")
        return 0
    programs = environment(chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_exports(folder)
        wrong = [judge(programs, folder / file) for file in ("export.csv", "export.parquet")]
        wrong.append(convert(programs, folder / "iso.csv", folder))
    for one in filter(None, wrong):
        print(one, file=sys.stderr)
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
