"""The signature of a function that is called with values from outside: by name, each checked by its annotation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Refuse = Callable[[str], Exception]
"""Returns the error for a function that cannot be used, given the reason as the end of a sentence."""


def parameters_of(function: Callable[..., Any], refuse: Refuse) -> dict[str, inspect.Parameter]:
    """Return the parameters by name; raises what ``refuse`` returns when one cannot be given by name."""
    try:
        found = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError) as error:
        raise refuse("it is no function with a signature") from error
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if other := [parameter.name for parameter in found.values() if parameter.kind not in named]:
        raise refuse(f"the parameter {other[0]!r} cannot be given by name")
    return found


def adapters_of(
    function: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    refuse: Refuse,
    adapter: Callable[[Any], TypeAdapter[Any]],
) -> dict[str, TypeAdapter[Any]]:
    """Return what reads each parameter, made of its annotation; raises what ``refuse`` returns for a bad one."""
    from pydantic.errors import PydanticUserError

    try:
        hints = get_type_hints(function, include_extras=True)
        return {key: adapter(hints.get(key, Any)) for key in parameters}
    except PydanticUserError as error:
        raise refuse(f"its annotations cannot be read ({error.message.splitlines()[0]})") from error
    except (NameError, TypeError) as error:
        raise refuse(f"its annotations cannot be read ({error})") from error
