"""Where things lie on this machine: the database of a folder, and the demo that ships with the package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from builder_jupyter.errors import NotFound

MAX_NAME = 40


def default_data_dir(root_dir: Path) -> Path:
    """Return the folder of the database that belongs to a root folder.

    It is in Jupyter's data folder, never inside the root: the file browser could open the database there, and a
    process that opens its own database a second time loses its lock. The name tells people which folder it belongs
    to; the hash of the whole path tells folders of one name apart.
    """
    from jupyter_core.paths import jupyter_data_dir

    root = root_dir.expanduser().resolve()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip(".-")[:MAX_NAME] or "root"
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()
    return Path(jupyter_data_dir()) / "builder_jupyter" / f"{name}-{digest[:8]}"


def demo_folder() -> Path:
    """Return the folder of example notebooks and their data: ``demo`` in the installed package, else the checkout's.

    Raises `NotFound` (``DEMO_NOT_FOUND``) when the package came without it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "demo", package.parent / "notebooks"):
        if (folder / "data" / "support.workflow.json").is_file():
            return folder
    raise NotFound("The demo files are not installed with this package.", code="DEMO_NOT_FOUND")
