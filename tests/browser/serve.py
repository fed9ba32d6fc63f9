"""Start JupyterLab or Notebook with a model that answers slowly and predictably instead of a real one."""

from __future__ import annotations

import sys

import scripted


def main() -> None:
    scripted.install()
    if sys.argv.pop(1) == "lab":
        from jupyterlab.labapp import main as launch
    else:
        from notebook.app import main as launch
    launch()


if __name__ == "__main__":
    main()
