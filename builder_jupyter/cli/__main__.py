"""``python -m builder_jupyter.cli``: the same as the command ``builder-jupyter``."""

from __future__ import annotations

import sys

from builder_jupyter.cli import main

sys.exit(main())
