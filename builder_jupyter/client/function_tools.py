"""Functions of a notebook as tools of its workflows: ``@bj.tool``.

The functions stay in this process. A worker (`client.worker`, or a runtime of this process) says what there is, and
runs them among the notebook's variables.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakSet

from builder_jupyter.client.signatures import adapters_of, parameters_of
from builder_jupyter.errors import InvalidInput, StepError
from builder_jupyter.nodes.chat import TOOL_NAME, ToolSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter

F = TypeVar("F", bound=Callable[..., Any])

MAX_FAULTS = 20
MAX_SCHEMA_BYTES = 60_000


class FunctionTool:
    """A function and what its signature says of it.

    Raises
    ------
    InvalidInput : ``INVALID_TOOL``: a name that providers do not take, ``*`` or positional-only parameters, an
        annotation that JSON cannot be read into.
    """

    def __init__(self, function: Callable[..., Any], name: str, description: str | None = None) -> None:
        if not TOOL_NAME.fullmatch(name):
            raise _invalid(name, "its name is at most 64 letters, digits, _ and -", 'Give it one: @bj.tool(name="…").')
        self.function = function
        refuse = partial(_invalid, name)
        self._parameters = parameters_of(function, refuse)
        self._adapters = adapters_of(function, self._parameters, refuse, _adapter)
        self.name = name
        self.description = inspect.getdoc(function) or "" if description is None else description
        self.schema = self._schema()
        if len(json.dumps(self.schema)) > MAX_SCHEMA_BYTES:
            raise _invalid(name, f"the schema of its parameters has more than {MAX_SCHEMA_BYTES:,} bytes")

    @property
    def file(self) -> str:
        """Where the function is written; ``""`` for one that is not written in Python."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return str(getattr(code, "co_filename", ""))

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call the function with JSON-like arguments read into its types; what it awaits is the caller's to await.

        Raises
        ------
        StepError : ``TOOL_ARGUMENTS``.
        """
        from pydantic import ValidationError

        given, faults = (
            {},
            [{"field": name, "error": "is not a parameter"} for name in arguments.keys() - self._adapters],
        )
        for name, parameter in self._parameters.items():
            if name not in arguments:
                if parameter.default is parameter.empty:
                    faults.append({"field": name, "error": "is required"})
                continue
            try:
                given[name] = self._adapters[name].validate_python(arguments[name])
            except ValidationError as error:
                found = error.errors(include_url=False, include_input=False, include_context=False)
                faults += [{"field": ".".join(map(str, (name, *e["loc"]))), "error": e["msg"]} for e in found]
        if faults:
            sentence = "; ".join(f"{fault['field']}: {fault['error']}" for fault in faults[:MAX_FAULTS])
            raise StepError(f"The arguments of the tool {self.name!r} are wrong: {sentence}.", code="TOOL_ARGUMENTS")
        return self.function(**given)

    def _schema(self) -> dict[str, Any]:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            wanted = [(name, "validation", adapter) for name, adapter in self._adapters.items()]
            found, shared = TypeAdapter.json_schemas(wanted)  # type: ignore[arg-type]
        except PydanticUserError as error:
            reason = f"its parameters have no JSON Schema ({error.message.splitlines()[0]})"
            raise _invalid(self.name, reason) from error
        properties = {}
        for name, parameter in self._parameters.items():
            properties[name] = dict(found[name, "validation"])
            if parameter.default is not parameter.empty:
                properties[name] |= _default(self._adapters[name], parameter.default)
        required = [name for name, p in self._parameters.items() if p.default is p.empty]
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return schema | {key: value for key, value in shared.items() if key == "$defs"}


class FunctionTools:
    """The functions of this process that are tools, by name; `listeners` are called when there is another."""

    def __init__(self) -> None:
        self._tools: dict[str, FunctionTool] = {}
        self.listeners: WeakSet[Any] = WeakSet()

    def __len__(self) -> int:
        return len(self._tools)

    def add(self, tool: FunctionTool) -> None:
        """Offer a tool, in place of one of the same name."""
        self._tools = {**self._tools, tool.name: tool}
        for listener in list(self.listeners):
            listener.tools_changed()

    def get(self, name: str) -> FunctionTool | None:
        """Return the tool of a name."""
        return self._tools.get(name)

    def all(self) -> Mapping[str, FunctionTool]:
        """Return them all by name; what is returned never changes."""
        return self._tools


TOOLS = FunctionTools()


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[F], F]: ...
def tool(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, description: str | None = None
) -> Any:
    """Offer a function as a tool to the workflows that this notebook runs; the function itself stays as it is.

    Its name, its docstring and the annotations and defaults of its parameters are what a model is shown. Arguments
    come as JSON and are read into the annotated types with pydantic; what it returns is kept like the result of a
    python node. It may be ``async``. Defining it again replaces it.

    Parameters
    ----------
    name : another name than the function's.
    description : another text than the docstring.

    Raises
    ------
    InvalidInput : ``INVALID_TOOL``.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> @bj.tool
    ... def price(article: str, amount: int = 1) -> float:
    ...     "Return what some of an article cost."
    ...     return {"pen": 1.5}[article] * amount
    >>> price("pen", 2)
    3.0
    """

    def offer(found: F) -> F:
        TOOLS.add(FunctionTool(found, name or str(getattr(found, "__name__", "")), description))
        return found

    return offer if function is None else offer(function)


def plain_result(value: Any) -> Any:
    """Return a result with pydantic models and dataclasses as the objects that they are in JSON."""
    from pydantic import BaseModel, TypeAdapter

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return TypeAdapter(type(value)).dump_python(value, mode="json")
    if isinstance(value, list | tuple):
        return [plain_result(item) for item in value]
    if isinstance(value, dict):
        return {key: plain_result(item) for key, item in value.items()}
    return value


def specs_of(tools: FunctionTools) -> dict[str, ToolSpec]:
    """Return tools as they are offered in this process, by name."""
    from builder_jupyter.connectors.tool_schemas import spec_of

    return {name: spec_of(name, tool.description, tool.schema) for name, tool in tools.all().items()}


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(annotation)


def _default(adapter: TypeAdapter[Any], value: Any) -> dict[str, Any]:
    """Return a default for the schema; one that JSON cannot hold is left to the function."""
    try:
        return {"default": adapter.dump_python(value, mode="json", warnings=False)}
    except ValueError:
        return {}


def _invalid(name: str, reason: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(f"{name[:80]!r} cannot be a tool: {reason}.", code="INVALID_TOOL", hint=hint)
