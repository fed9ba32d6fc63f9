"""What the magics have in common: the cell's variables."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics

from builder_jupyter.graph.model import Workflow
from builder_jupyter.notebook.arguments import target


class CellMagics(Magics):
    """Magics that look up words of their lines among the variables of the notebook."""

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the notebook."""
        return self.shell.user_ns  # type: ignore[no-any-return,union-attr]

    def name_of(self, word: str) -> str:
        """Return the name or id of the workflow that a word stands for; raises as `arguments.target`."""
        found = target(word, self.variables)
        return found.name if isinstance(found, Workflow) else found
