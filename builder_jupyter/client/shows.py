"""What a step has shown, shown again: in a notebook as it was, elsewhere as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from builder_jupyter.nodes.display import STDERR, STDOUT


def show(bundles: Iterable[Mapping[str, Any]]) -> None:
    """Print streams where they belong, and display the rest."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    for bundle in bundles:
        if STDOUT in bundle:
            sys.stdout.write(bundle[STDOUT])
        elif STDERR in bundle:
            sys.stderr.write(bundle[STDERR])
        elif shell is not None:
            shell.display_pub.publish(dict(bundle))
        else:
            sys.stdout.write(f"{bundle.get('text/plain', ', '.join(bundle))}\n")
