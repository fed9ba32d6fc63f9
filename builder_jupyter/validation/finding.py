"""What validation says: `Finding`, and `Rule`, which finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder_jupyter.validation.facts import Facts


class Severity(StrEnum):
    """Whether a finding makes a workflow invalid."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of validation.

    Parameters
    ----------
    code : stable name of the rule, ``type`` on the wire.
    message : one sentence that names the node or edge.
    node_id : where one node is meant; ``node_ids`` where several are, in request order.
    edge_id, source, target : where an edge is meant.

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

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object of the finding; fields that do not apply are left out."""
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
        return {name: value for name, value in fields.items() if value is not None}


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


def result(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return the validation result ``{"valid", "errors", "warnings"}``; valid means without errors."""
    found = tuple(findings)
    errors = [finding.to_wire() for finding in found if finding.severity is Severity.ERROR]
    warnings = [finding.to_wire() for finding in found if finding.severity is Severity.WARNING]
    return {"valid": not errors, "errors": errors, "warnings": warnings}
