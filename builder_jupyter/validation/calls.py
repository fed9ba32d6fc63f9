"""Rules of nodes that call addresses. Source: spec builder-studio §6.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder_jupyter.errors import InvalidInput
from builder_jupyter.nodes.http import METHODS, check_url, read_headers
from builder_jupyter.validation.finding import Finding, Report, Rule, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.validation.facts import Facts

TYPE = "webhook-call"


@rule("MISSING_URL", Severity.WARNING)
def missing_url(facts: Facts, report: Report) -> Iterator[Finding]:
    """A node that calls an address has none."""
    for node in facts.of_type(TYPE):
        url = node.data.get("url", "")
        if isinstance(url, str) and not url.strip():
            yield report(f"Node {node.id!r} has no URL to call", node_id=node.id)


@rule("INVALID_URL", Severity.ERROR)
def invalid_url(facts: Facts, report: Report) -> Iterator[Finding]:
    """An address to call is no absolute http or https URL, or has a user name, a fragment or over 2,048 characters."""
    for node in facts.of_type(TYPE):
        url = node.data.get("url", "")
        if not isinstance(url, str):
            yield report(f"Node {node.id!r}: the URL is no text", node_id=node.id)
        elif url.strip():
            try:
                check_url(url)
            except InvalidInput as error:
                yield report(f"Node {node.id!r}: {error.message.rstrip('.')}", node_id=node.id)


@rule("INVALID_METHOD", Severity.ERROR)
def invalid_method(facts: Facts, report: Report) -> Iterator[Finding]:
    """A node that calls an address does so by a method other than GET, POST, PUT, PATCH and DELETE."""
    for node in facts.of_type(TYPE):
        method = node.data.get("method", "POST")
        if not isinstance(method, str) or method.upper() not in METHODS:
            yield report(f"Node {node.id!r}: the method is none of {', '.join(METHODS)}", node_id=node.id)


@rule("INVALID_HEADERS", Severity.ERROR)
def invalid_headers(facts: Facts, report: Report) -> Iterator[Finding]:
    """Headers to send are no flat object of texts, are over 64, or name what the connection says by itself."""
    for node in facts.of_type(TYPE):
        try:
            read_headers(node.data.get("headers"))
        except InvalidInput as error:
            yield report(f"Node {node.id!r}: {error.message.rstrip('.')}", node_id=node.id)


CALL_RULES: tuple[Rule, ...] = (missing_url, invalid_url, invalid_method, invalid_headers)
"""The rules about calls."""
