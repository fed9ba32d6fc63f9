"""Functions of a notebook as nodes of its workflows: ``@bj.node``.

Nothing new travels: the node is a python node whose code calls the function by its name, among the notebook's
variables. What the function adds is where its arguments come from, and their types. A workflow keeps the call and not
the function: where a node runs in a kernel that has no function of that name, it fails with a ``NameError``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from builder_jupyter.client.function_tools import MAX_FAULTS, plain_result
from builder_jupyter.client.signatures import adapters_of, parameters_of
from builder_jupyter.errors import InvalidInput, StepError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

P = ParamSpec("P")
R = TypeVar("R")

WHOLE_STATE = "state"
"""The parameter that is given all of the state."""


class FunctionNode(Generic[P, R]):
    """A function that is a node, too; calling it calls the function.

    A parameter is given what the step of that name has left under ``results``, else the run's input of that name, else
    its default; ``state`` is given the whole state. Annotations are checked, and JSON is read into them, by pydantic.

    Raises
    ------
    InvalidInput : ``INVALID_NODE``: no name that code can call it by, ``*`` or positional-only parameters, annotations
        that cannot be read.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self._function = function
        self._name = str(getattr(function, "__name__", ""))
        if not self._name.isidentifier() or iskeyword(self._name):
            raise _invalid(self._name or repr(function), "it has no name that code can call it by")
        refuse = partial(_invalid, self._name)
        self._parameters = parameters_of(function, refuse)
        self._adapters = adapters_of(function, self._parameters, refuse, _adapter)
        update_wrapper(self, function)

    def __repr__(self) -> str:
        return f"<node {self._name}({', '.join(self._parameters)})>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; nothing is read or checked."""
        return self._function(*args, **kwargs)

    @property
    def code(self) -> str:
        """The code of a python node that calls it."""
        call = f"{self._name}.run(state)"
        return f"await {call}" if inspect.iscoroutinefunction(self._function) else call

    def run(self, state: Mapping[str, Any], /, **given: Any) -> Any:
        """Call the function with arguments from a state; those that are ``given`` come first.

        Returns
        -------
        What the function returns, pydantic models and dataclasses as objects; of an ``async`` one, to be awaited.

        Raises
        ------
        StepError : ``NODE_ARGUMENTS``, naming the parameters and no values.
        """
        arguments = self._arguments(state, given)
        if inspect.iscoroutinefunction(self._function):
            return self._awaited(arguments)
        return plain_result(self._function(**arguments))  # type: ignore[call-arg]

    async def _awaited(self, arguments: Mapping[str, Any]) -> Any:
        return plain_result(await self._function(**arguments))  # type: ignore[call-arg,misc]

    def _arguments(self, state: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        sources = (given, {WHOLE_STATE: state}, state.get("results") or {}, state)
        faults = [f"{name} is not a parameter" for name in given if name not in self._parameters]
        found = {}
        for name, parameter in self._parameters.items():
            source = next((one for one in sources if name in one), None)
            if source is None:
                if parameter.default is parameter.empty:
                    faults.append(f"{name} is neither a step's result nor an input of the run")
                continue
            try:
                found[name] = self._adapters[name].validate_python(source[name])
            except ValidationError as error:
                told = error.errors(include_url=False, include_input=False, include_context=False)
                faults += [f"{'.'.join(map(str, (name, *one['loc'])))}: {one['msg']}" for one in told]
        if faults:
            sentence = "; ".join(faults[:MAX_FAULTS])
            raise StepError(f"The arguments of the node {self._name!r} are wrong: {sentence}.", code="NODE_ARGUMENTS")
        return found


def node(function: Callable[P, R], /) -> FunctionNode[P, R]:
    """Make a function a node of the workflows that this notebook runs; it can be called as before.

    ``flow.python("total", total)`` puts it into a workflow that is written in Python; in the text form the node's code
    is ``total.run(state)``. See `FunctionNode` for where its arguments come from.

    Raises
    ------
    InvalidInput : ``INVALID_NODE``.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> @bj.node
    ... def total(amounts: list[float], rate: float = 1.0) -> float:
    ...     return rate * sum(amounts)
    >>> total([1, 2]), total.code
    (3.0, 'total.run(state)')
    >>> total.run({"amounts": ["1.5", 2], "results": {"rate": 2}})
    7.0
    """
    return FunctionNode(function)


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """Return what reads a value: types that pydantic does not know, such as dataframes, are checked as they are."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))


def _invalid(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{name[:80]!r} cannot be a node: {reason}.", code="INVALID_NODE")
