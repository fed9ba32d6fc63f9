"""The wire shape of a Builder Studio canvas. Source: spec builder-studio §1, §8.3, §11.3.

Sizes, layers and frames are the canvas's own affair: they pass through ``Node.extra`` untouched.
"""

from __future__ import annotations

from builder_jupyter.graph.dialects.wire import Dialect
from builder_jupyter.graph.model import Profile

DIRECT = Dialect(
    profile=Profile.DIRECT,
    node_id=("clientId", "id"),
    edge={
        "id": ("id",),
        "source": ("source",),
        "source_port": ("sourcePort", "sourceHandle"),
        "target": ("target",),
        "target_port": ("targetPort", "targetHandle"),
        "label": ("label",),
        "condition": ("condition",),
    },
    type_aliases={
        "image-gen": "generate-image",
        "video-gen": "generate-video",
        "sfx-gen": "generate-sfx",
        "tts": "text-to-speech",
        "sts": "speech-to-speech",
    },
    tagged=True,
)
