"""What a tool is: a name, what it takes and gives, who may call it, and the function that does it.

A tool is made of an async function by `tool`: its name is the function's, its description the docstring, its arguments
and its result the pydantic models of the annotations. Tools call services and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from builder_jupyter.errors import Forbidden, InvalidInput
from builder_jupyter.graph.dialects import Faults

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.identity.scopes import Scope
    from builder_jupyter.services.runtime import Runtime


class Report(Protocol):
    """Takes news of how far a call has come; cheap, never waits."""

    def __call__(self, progress: float, total: float, message: str) -> None:
        """Tell that ``progress`` of ``total`` parts are done."""
        ...


def _tell_nobody(progress: float, total: float, message: str) -> None:
    del progress, total, message


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool is given beside its arguments: the services, who is asking, and whom to tell of progress.

    ``worker`` is the token of the worker whose own client this is; see `services.workers`.
    """

    runtime: Runtime
    principal: Principal
    report: Report = _tell_nobody
    worker: str | None = None


class Args(BaseModel):
    """Base of arguments: camelCase on the wire, and nothing beside what is declared."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


class Result(BaseModel):
    """Base of results: camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Hints:
    """What a client may assume of a tool before it calls it. Source: MCP, ToolAnnotations."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


READ = Hints(read_only=True, idempotent=True)
WRITE = Hints()
SET = Hints(idempotent=True)
DESTROY = Hints(destructive=True)
REMOVE = Hints(destructive=True, idempotent=True)
REACH_OUT = Hints(open_world=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``scopes``: any one of them opens it."""

    name: str
    title: str
    description: str
    scopes: tuple[Scope, ...]
    hints: Hints
    args: type[Args]
    result: type[Result]
    run: Callable[[Call, Any], Awaitable[Result]] = field(repr=False)

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return _schema(self.args, "validation")

    @property
    def output_schema(self) -> dict[str, Any]:
        """The JSON Schema of the result."""
        return _schema(self.result, "serialization")

    def is_open_to(self, principal: Principal) -> bool:
        """Say whether a principal has any of the scopes."""
        return any(principal.may(scope) for scope in self.scopes)

    def require(self, principal: Principal) -> None:
        """Let a principal through that may call this. Raises `Forbidden` (``MISSING_SCOPE``) naming tool and scopes."""
        if not self.is_open_to(principal):
            accepted = " or ".join(f"'{scope}'" for scope in self.scopes)
            raise Forbidden(
                f"The tool {self.name} accepts {accepted}, which this credential lacks.",
                code="MISSING_SCOPE",
                details={"requiredScopes": [str(scope) for scope in self.scopes]},
                hint="Re-issue the key or the grant with such a scope.",
            )

    def read(self, arguments: Mapping[str, Any]) -> Args:
        """Return the arguments as the tool's model. Raises `InvalidInput` (``INVALID_ARGUMENTS``) naming each fault."""
        faults = Faults()
        faults.check_json(arguments, self.name)
        if not faults.found:
            try:
                return self.args.model_validate(arguments)
            except ValidationError as error:
                for one in error.errors(include_url=False):
                    faults.add(".".join(map(str, one["loc"])) or self.name, one["msg"])
        first = faults.found[0]
        raise InvalidInput(
            f"The arguments of {self.name} are wrong: {first['field']}: {first['error']}.",
            code="INVALID_ARGUMENTS",
            details=faults.found,
        )

    async def call(self, call: Call, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check who asks and what for, do it, and return the JSON object of the result.

        Raises
        ------
        Forbidden : ``MISSING_SCOPE``.
        InvalidInput : ``INVALID_ARGUMENTS``; else whatever the services raise.
        """
        self.require(call.principal)
        found = await self.run(call, self.read(arguments))
        return found.model_dump(mode="json", by_alias=True)


def tool(title: str, *scopes: Scope, hints: Hints = READ) -> Callable[[Callable[[Call, Any], Awaitable[Any]]], Tool]:
    """Make a `Tool` of the async function that is decorated."""

    def make(run: Callable[[Call, Any], Awaitable[Any]]) -> Tool:
        types = get_type_hints(run, localns={"Call": Call})
        description = inspect.getdoc(run) or ""
        return Tool(run.__name__, title, description, scopes, hints, types["args"], types["return"], run)

    return make


@cache
def _schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, mode=mode)
    schema.pop("description", None)  # that of a class, which says it to programmers
    found: dict[str, Any] = _untitled(schema)
    return found


def _untitled(schema: Any) -> Any:
    """Return a schema without the titles that are its names once more: clients pay for each word they read."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: item for name, item in schema.items() if name != "title" or not isinstance(item, str)}
    return {name: _untitled(item) for name, item in kept.items()}
