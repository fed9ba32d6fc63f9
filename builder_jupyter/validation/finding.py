"""What validation says: `Finding`, and `Rule`, which finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.model import thaw

if TYPE_CHECKING:
    from builder_jupyter.graph.edits import Change
    from builder_jupyter.validation.facts import Facts


class Severity(StrEnum):
    """Whether a finding makes a workflow invalid."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to put a finding right that a program can carry out.

    Parameters
    ----------
    title : what it does, as an imperative: ``Connect 'a' to 'end'``.
    changes : edits of the workflow that was judged, for `graph.edits.apply`.

    Made on that workflow, the changes remove the finding and bring no error that was not there.
    """

    title: str
    changes: tuple[Change, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object of the fix."""
        return {"title": self.title, "changes": thaw(self.changes)}


def _no_repair() -> tuple[Fix, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of validation.

    Parameters
    ----------
    code : stable name of the rule, ``type`` on the wire.
    message : one sentence that names the node or edge.
    node_id : where one node is meant; ``node_ids`` where several are, in request order.
    edge_id, source, target : where an edge is meant.
    repair : finds the fixes, when somebody asks for them.

    Source: seed "Builder API", validate.
    """

    code: str
    severity: Severity
    message: str
    node_id: str | None = None
    node_ids: tuple[str, ...] = ()
    edge_id: str | None = None
    source: str | None = None
    target: str | None = None
    repair: Callable[[], Iterable[Fix]] = field(default=_no_repair, repr=False, compare=False)

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The ways to put it right, best first; none where what was meant is not clear."""
        return tuple(self.repair())

    def to_wire(self, *, fixes: bool = False) -> dict[str, Any]:
        """Return the JSON object of the finding; fields that do not apply are left out.

        The published API knows no ``fixes``: they are there on request only, and then also when there are none.
        """
        fields = {
            "type": self.code,
            "message": self.message,
            "node_id": self.node_id,
            "node_ids": list(self.node_ids) or None,
            "edge_id": self.edge_id,
            "source": self.source,
            "target": self.target,
            "severity": str(self.severity),
        }
        wire = {name: value for name, value in fields.items() if value is not None}
        return wire | {"fixes": [fix.to_wire() for fix in self.fixes]} if fixes else wire


Report = Callable[..., Finding]
"""Makes a `Finding` of the rule at hand from a message and keyword fields."""

Check = Callable[["Facts", Report], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its code, its severity and the function that looks for it."""

    code: str
    severity: Severity
    check: Check

    @property
    def meaning(self) -> str:
        """When the rule applies, in one sentence; the documented table is made of these."""
        return (self.check.__doc__ or "").strip().split("\n", maxsplit=1)[0]

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Yield the findings of this rule, in request order."""
        return self.check(facts, partial(Finding, self.code, self.severity))


def rule(code: str, severity: Severity) -> Callable[[Check], Rule]:
    """Make a `Rule` of the function that is decorated; its docstring's first line is the meaning."""
    return partial(Rule, code, severity)


def result(findings: Iterable[Finding], *, fixes: bool = False) -> dict[str, Any]:
    """Return the validation result ``{"valid", "errors", "warnings"}``; valid means without errors."""
    found = tuple(findings)
    errors = [finding.to_wire(fixes=fixes) for finding in found if finding.severity is Severity.ERROR]
    warnings = [finding.to_wire(fixes=fixes) for finding in found if finding.severity is Severity.WARNING]
    return {"valid": not errors, "errors": errors, "warnings": warnings}
