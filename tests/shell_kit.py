"""IPython shells for tests."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from builder_jupyter.errors import BuilderError

# Without old outputs: for those a shell collects garbage when the process ends, one after another.
PLAIN = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"cache_size": 0}})


def new_shell() -> InteractiveShell:
    """Return a shell that keeps nothing on disk."""
    return InteractiveShell(config=PLAIN)


def failure(shell: InteractiveShell, code: str) -> BuilderError:
    """Run a cell that fails with an error of ours and return it."""
    error = shell.run_cell(code).error_in_exec
    assert isinstance(error, BuilderError), error
    return error
