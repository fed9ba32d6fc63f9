"""Where things lie on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir


def default_data_dir(root_dir: Path) -> Path:
    """Return the folder of the database that belongs to a root directory.

    It is in Jupyter's data directory, never inside the root: the file browser could open the database there, and a
    process that opens its own database a second time loses its lock.
    """
    root = root_dir.expanduser().resolve()
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return Path(jupyter_data_dir()) / "builder_jupyter" / f"{root.name or 'root'}-{digest}"
