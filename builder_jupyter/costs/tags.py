"""The tags of a workflow as its charges carry them: keys with values, as FOCUS wants them."""

from __future__ import annotations

import re
from collections.abc import Iterable

VENDOR = "builder/"
"""What our own keys begin with; users' keys have no prefix."""


def charge_tags(tags: Iterable[object]) -> dict[str, str | bool]:
    """Return what a workflow's tags say of a charge: ``team:support`` is a key with a value, ``urgent`` is true.

    ``=`` does as ``:`` does; of tags with the same key the first counts, and none may pass for one of ours.
    Source: spec focus §4; FOCUS 1.3, Tags.
    """
    found: dict[str, str | bool] = {}
    for tag in tags:
        key, *rest = (part.strip() for part in re.split("[:=]", str(tag), maxsplit=1))
        if key and not key.startswith(VENDOR):
            found.setdefault(key, rest[0] if rest and rest[0] else True)
    return found
