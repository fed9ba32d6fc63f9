"""Agent workflows as first-class objects of a notebook."""

from __future__ import annotations

__version__ = "0.1.0"
