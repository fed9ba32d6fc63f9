"""What axe-core (the library that accessibility checkers are made of) says about a part of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}


def grave_findings(page: Any, selector: str = "body") -> list[str]:
    """Return the serious and critical findings about what a selector finds, each with the elements at fault.

    Everything that axe knows is checked, colours in the theme that is in force included. `npm ci` brings the library,
    as building the lab extension does.
    """
    if not page.evaluate("() => 'axe' in window"):
        # Evaluated and not added as a script: Jupyter Server's pages may forbid scripts that are not its own.
        page.evaluate(AXE.read_text(encoding="utf-8") + "\n;window.axe.version")
    found = page.evaluate(
        "async selector => (await axe.run(selector, { resultTypes: ['violations'] })).violations", selector
    )
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]}: {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
