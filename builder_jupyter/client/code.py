"""Generated code as a value that a cell shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, repr=False)
class Code:
    """A Python module that was written for a workflow. Its ``repr`` is the code; a notebook highlights it.

    Parameters
    ----------
    text : the code.
    filename : what its file should be called.
    dependencies : the packages it imports, as requirements.

    Examples
    --------
    >>> print(Code("x = 1", "x.py"))
    x = 1
    """

    text: str
    filename: str
    dependencies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.text

    def save(self, folder: str | Path = ".") -> Path:
        """Write the code into a folder under its file name, and return the path."""
        path = Path(folder) / self.filename
        path.write_text(self.text, encoding="utf-8", newline="\n")
        return path

    def _repr_mimebundle_(self, **_selection: object) -> dict[str, Any]:
        """Return the code as text and as Markdown, which front ends highlight in their own colours."""
        longest = max(map(len, re.findall("`+", self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        return {"text/plain": self.text, "text/markdown": f"{fence}python\n{self.text}\n{fence}"}
