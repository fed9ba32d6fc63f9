"""An IPython shell with the extension in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from shell_kit import new_shell

import builder_jupyter as bj
from builder_jupyter.client.client import Client


@pytest.fixture
def shell(client: Client) -> InteractiveShell:
    """Return a shell whose magics use the client of the test."""
    assert client
    shell = new_shell()
    bj.load_ipython_extension(shell)
    bj.load_ipython_extension(shell)  # as when a cell is run again
    return shell


@pytest.fixture
def do(shell: InteractiveShell) -> Callable[[str], Any]:
    """Return a function that runs a cell and returns its result."""

    def run(code: str) -> Any:
        done = shell.run_cell(code)
        done.raise_error()
        return done.result

    return run
