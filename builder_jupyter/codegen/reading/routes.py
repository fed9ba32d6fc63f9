"""What chooses between ways out, as routes: labels, targets and, where the code says it, patterns.

A router of ours reads the newest text and nothing else. Tests of that text become patterns; every other test is
reported, and its way out gets a condition that looks for its label.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from builder_jupyter.codegen.reading.drafts import END, BranchDraft, NodeDraft, name_of
from builder_jupyter.codegen.reading.guards import Guard, guard_of
from builder_jupyter.codegen.reading.operations import is_call_of
from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.report import source_of
from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Function,
    Instance,
    Scope,
    StatePath,
    Symbol,
    Value,
    last_name,
)

END_LABEL: Final = "end"
TOOLS_CONDITION: Final = "tools_condition"


@dataclass(frozen=True, slots=True)
class Route:
    """A way out: its label, the node it leads to, and the pattern that chooses it; None where nobody knows."""

    label: str
    target: str
    pattern: str | None = None
    answer: str | None = None
    """What a person's answer has to be equal to, if the code compares it with something."""


@dataclass(slots=True)
class Choice:
    """Everything that a choice can lead to. ``default`` is the label that is taken when nothing else is."""

    routes: list[Route] = field(default_factory=list)
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which a function ends: under which tests, and with what value."""

    guards: tuple[Guard, ...]
    value: Value
    node: ast.AST


def routes_of_branch(branch: BranchDraft, program: Program, state: StatePath) -> Choice:
    """Return what ``add_conditional_edges`` can lead to."""
    path_map = _path_map(branch.path_map)
    function = branch.path
    if isinstance(function, Instance):
        function = program.attribute(function, "__call__")
    if isinstance(function, Function):
        outcomes = Outcomes(program, function, state).found
        declared = _declared(program, function, "Literal")
    else:
        outcomes, declared = _outcomes_of_others(branch, program)
    choice = _choice(program, branch.node, outcomes, path_map, declared)
    if not choice.routes:
        why = "Where it leads cannot be read from the code: give add_conditional_edges a map of its targets."
        program.report.add(branch.node, source_of(branch.node), why)
    return choice


def routes_of_node(draft: NodeDraft, program: Program, state: StatePath) -> Choice:
    """Return where a node sends the run itself, by ``Command(goto=...)``."""
    function = draft.action
    declared: dict[Any, str] | None = _path_map(draft.destinations)
    outcomes: list[Outcome] = []
    if isinstance(draft.destinations, dict):  # target -> label
        declared = {label: target for target, label in draft.destinations.items() if isinstance(target, str)}
    if isinstance(function, Instance):
        function = program.attribute(function, "__call__")
    if isinstance(function, Function):
        outcomes = list(_gotos(Outcomes(program, function, state)))
        declared = declared or _declared(program, function, "Command")
    if not outcomes and not declared:
        return Choice()
    return _choice(program, draft.node, outcomes, None, declared)


def _choice(
    program: Program,
    node: ast.AST,
    outcomes: Iterable[Outcome],
    path_map: Mapping[Any, str] | None,
    declared: Mapping[Any, str] | None,
) -> Choice:
    choice = Choice()
    seen: dict[tuple[str, str], Route] = {}
    unsure = False
    for outcome in outcomes:
        keys = _keys(outcome.value, program)
        if not keys:
            unsure = True
        label = " and ".join(_label(key) for key in keys)
        for key in keys:
            target = _target(key, path_map)
            if target is None:
                program.report.add(outcome.node, str(key), "No target belongs to this answer.")
                continue
            guard = outcome.guards[0] if len(outcome.guards) == 1 else None
            route = Route(label, target, guard.pattern if guard else None, guard.answer if guard else None)
            _add(seen, route)
            if not outcome.guards:
                choice.default = label
            elif route.pattern is None and route.answer is None:
                why = "A router reads the newest text only; its condition looks for the label, which may be wrong."
                program.report.add(outcome.node, label, why)
    known = {route.target for route in seen.values()}
    for key, target in (path_map or declared or {}).items():
        if (_label(key), target) not in seen and (path_map or target not in known):
            _add(seen, Route(_label(key), target))
            unsure = True
    if unsure and seen:
        why = "What chooses among the targets cannot be read from the code; each condition looks for its label."
        program.report.add(node, source_of(node), why)
    choice.routes = list(seen.values())
    return choice


def _add(seen: dict[tuple[str, str], Route], route: Route) -> None:
    """Add a route; several tests for one way out become one pattern."""
    key = (route.label, route.target)
    known = seen.get(key)
    if known is None:
        seen[key] = route
    elif known.pattern and route.pattern and route.pattern != known.pattern:
        seen[key] = Route(route.label, route.target, f"{known.pattern}|{route.pattern}", known.answer)
    elif known.pattern is None and route.pattern:
        seen[key] = route


def _keys(value: Value, program: Program) -> list[Any]:
    """Return the answers in what a routing function returns: names, flags, numbers, or several of them at once."""
    if is_call_of(value, "Send"):
        name = name_of(value.argument(0, "node"))
        why = "One run for each item is not drawn: a map node runs a workflow for each item of a list."
        program.report.add(value.node, source_of(value.node), why)
        return [] if name is None else [name]
    if isinstance(value, list | tuple):
        flat = [item for item in value if not isinstance(item, list | tuple)]
        return list(dict.fromkeys(key for item in flat for key in _keys(item, program)))
    name = name_of(value)
    if name is not None:
        return [name]
    return [value] if isinstance(value, bool | int) else []


def _target(key: Any, path_map: Mapping[Any, str] | None) -> str | None:
    if path_map is None:
        return key if isinstance(key, str) else None
    return path_map.get(key)


def _label(key: Any) -> str:
    return END_LABEL if key == END else str(key).lower() if isinstance(key, bool) else str(key)


def _path_map(value: Value) -> dict[Any, str] | None:
    """Return ``{answer: target}`` of a dict or list; None when there is none."""
    if isinstance(value, dict):
        pairs = [(name_of(key) if isinstance(key, Symbol) else key, name_of(target)) for key, target in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(name_of(item), name_of(item)) for item in value]
    else:
        return None
    return {key: target for key, target in pairs if key is not None and target is not None}


def _outcomes_of_others(branch: BranchDraft, program: Program) -> tuple[list[Outcome], dict[Any, str] | None]:
    """Return the outcomes of a routing function that is not in the code."""
    if last_name(branch.path) != TOOLS_CONDITION:
        return [], None
    program.report.add(branch.node, TOOLS_CONDITION, ASKS_FOR_TOOLS)
    guard = Guard(pattern="^tools$")
    return [Outcome((guard,), "tools", branch.node), Outcome((), END, branch.node)], None


ASKS_FOR_TOOLS: Final = "Whether a model asks for tools is no text: agents of a workflow call their tools themselves."


def _declared(program: Program, function: Function, kind: str) -> dict[Any, str] | None:
    """Return the names in ``-> Literal[...]`` or ``-> Command[Literal[...]]``, also quoted or in a union."""
    returns = getattr(function.node, "returns", None)
    if isinstance(returns, ast.Constant) and isinstance(returns.value, str):
        try:
            returns = ast.parse(returns.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    if returns is None:
        return None
    for found in ast.walk(returns):
        if isinstance(found, ast.Subscript) and ast.unparse(found.value).rpartition(".")[2] == kind:
            if kind == "Command":
                return _declared_in(program, function.scope, found.slice)
            return _names(program, function.scope, found.slice)
        if isinstance(found, ast.Name) and kind == "Literal":  # Route = Literal["a", "b"]
            known = _alias(program, function.scope, found.id)
            if known:
                return known
    return None


def _declared_in(program: Program, scope: Scope, node: ast.expr) -> dict[Any, str] | None:
    for found in ast.walk(node):
        if isinstance(found, ast.Subscript) and ast.unparse(found.value).rpartition(".")[2] == "Literal":
            return _names(program, scope, found.slice)
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            return {found.value: found.value}
        if isinstance(found, ast.Name) and (known := _alias(program, scope, found.id)):
            return known
    return None


def _alias(program: Program, scope: Scope, name: str) -> dict[Any, str] | None:
    value = scope.find(name)
    subscripts = program.aliases.get(name) if not isinstance(value, Function) else None
    return _names(program, scope, subscripts) if subscripts is not None else None


def _names(program: Program, scope: Scope, node: ast.expr) -> dict[Any, str]:
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    values = [program.value(item, scope) for item in items]
    flat = [inner for value in values for inner in (value if isinstance(value, list | tuple) else [value])]
    names = [name for value in flat if (name := name_of(value)) is not None]
    return {name: name for name in names}


def _gotos(outcomes: Outcomes) -> Iterable[Outcome]:
    """Yield where ``Command(goto=...)`` leads, of a function that returns such commands."""
    for outcome in outcomes.found:
        if not is_call_of(outcome.value, "Command"):
            continue
        if "graph" in outcome.value.keywords:
            why = "It leaves the graph for the one around it, which is not drawn."
            outcomes.program.report.add(outcome.node, source_of(outcome.node), why)
        elif "goto" in outcome.value.keywords:
            goto = next(k.value for k in outcome.value.node.keywords if k.arg == "goto")
            yield from outcomes.split(goto, outcome)


class Outcomes:
    """The ways in which a function ends, in the order in which their tests are made."""

    def __init__(self, program: Program, function: Function, state: StatePath) -> None:
        self.program = program
        self.found: list[Outcome] = []
        self._assigned: dict[str, list[tuple[tuple[Guard, ...], ast.expr]]] = {}
        self._scope = program.enter(function, [state])
        if isinstance(function.node, ast.Lambda):
            self._end(function.node.body, ())
        else:
            self._walk(function.node.body, ())

    def split(self, node: ast.expr, outcome: Outcome) -> Iterable[Outcome]:
        """Yield the outcomes that one expression stands for: both sides of ``a if test else b``, all that a name is."""
        if isinstance(node, ast.IfExp):
            guard = guard_of(node.test, self._scope, self.program)
            yield from self.split(node.body, Outcome((*outcome.guards, guard), None, outcome.node))
            yield from self.split(node.orelse, outcome)
        elif isinstance(node, ast.Name) and self._is_ambiguous(node.id):
            assigned = self._assigned[node.id]
            for guards, value in sorted(assigned, key=lambda pair: not pair[0]):
                if not (isinstance(value, ast.Name) and value.id == node.id):
                    yield from self.split(value, Outcome((*outcome.guards, *guards), None, outcome.node))
        else:
            yield Outcome(outcome.guards, self.program.value(node, self._scope), outcome.node)

    def _is_ambiguous(self, name: str) -> bool:
        assigned = self._assigned.get(name, ())
        return len(assigned) > 1 or any(guards or isinstance(value, ast.IfExp) for guards, value in assigned)

    def _walk(self, statements: Iterable[ast.stmt], guards: tuple[Guard, ...]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Return):
                self._end(statement.value, guards)
            elif isinstance(statement, ast.If):
                guard = guard_of(statement.test, self._scope, self.program)
                self._walk(statement.body, (*guards, guard))
                self._walk(statement.orelse, guards)
            elif isinstance(statement, ast.Match):
                self._walk_cases(statement, guards)
            elif isinstance(statement, ast.With | ast.AsyncWith):
                self._walk(statement.body, guards)
            elif isinstance(statement, ast.Try):
                self._walk([*statement.body, *statement.orelse, *statement.finalbody], guards)
                for handler in statement.handlers:
                    self._walk(handler.body, (*guards, Guard()))
            elif isinstance(statement, ast.For | ast.AsyncFor | ast.While):
                self._walk(statement.body, (*guards, Guard()))
            else:
                self._perform(statement, guards)

    def _perform(self, statement: ast.stmt, guards: tuple[Guard, ...]) -> None:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    self._assigned.setdefault(target.id, []).append((guards, statement.value))
        self.program.step(statement, self._scope)

    def _walk_cases(self, statement: ast.Match, guards: tuple[Guard, ...]) -> None:
        for case in statement.cases:
            is_rest = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
            test = Guard()
            if isinstance(case.pattern, ast.MatchValue):
                equal = ast.Compare(left=statement.subject, ops=[ast.Eq()], comparators=[case.pattern.value])
                test = guard_of(ast.copy_location(equal, case.pattern), self._scope, self.program)
            self._walk(case.body, guards if is_rest else (*guards, test))

    def _end(self, node: ast.expr | None, guards: tuple[Guard, ...]) -> None:
        if node is None:
            return
        for outcome in self.split(node, Outcome(guards, None, node)):
            value = outcome.value
            # Names in a list that a comprehension makes are in its element: [Send("work", item) for item in ...]
            if value is UNKNOWN and isinstance(node, ast.ListComp | ast.GeneratorExp):
                value = [self.program.value(node.elt, self._scope)]
            self.found.append(Outcome(outcome.guards, value, node))
