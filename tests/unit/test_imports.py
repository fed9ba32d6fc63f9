from __future__ import annotations

import subprocess
import sys

import pytest

import builder_jupyter

HEAVY = (
    "tornado", "duckdb", "ipywidgets", "pandas", "langchain", "pydantic", "httpx", "IPython", "jupyter_server", "mcp",
)  # fmt: skip


def _loaded(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert _loaded("import builder_jupyter") == set()


def test_the_client_loads_neither_services_nor_pandas() -> None:
    code = "import builder_jupyter as bj; bj.connect; bj.Client; bj.Execution; bj.Workflow; bj.run"
    assert _loaded(code) == set()


def test_every_public_name_is_there() -> None:
    for name in builder_jupyter.__all__:
        assert getattr(builder_jupyter, name) is not None
    assert set(builder_jupyter.__all__) <= set(dir(builder_jupyter))
    with pytest.raises(AttributeError):
        _ = builder_jupyter.nothing_of_this_name


def test_the_server_extension_does_not_load_the_mcp_library() -> None:
    assert "mcp" not in _loaded("import builder_jupyter.rest.app")
