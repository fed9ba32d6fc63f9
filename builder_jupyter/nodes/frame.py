"""Frames and artboards: places on a canvas that hold other nodes. They carry nothing and never run."""

from __future__ import annotations

from builder_jupyter.nodes.static import StaticNode


class Frame(StaticNode):
    """Groups nodes; what lies in it moves with it. Source: spec builder-studio §11.3."""

    type = "frame"
    title = "Frame"
    description = "Holds nodes that belong together; it moves with what lies in it."
    color = "#94a3b8"
    icon = "▭"


class Artboard(Frame):
    """A frame for one finished picture or page."""

    type = "artboard"
    title = "Artboard"
    description = "A frame for one finished picture or page."
    icon = "◰"
