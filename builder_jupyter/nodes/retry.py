"""When a failed attempt is made again, and when an answer counts as a failure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from builder_jupyter.nodes.patterns import compile_pattern


class RetryPolicy(BaseModel):
    """A step's retry policy. On the wire its fields are in camel case; a node may carry its own under ``retry``.

    Parameters
    ----------
    max_attempts : attempts in all; 1 never tries again.
    initial_delay_ms, factor, max_delay_ms : the pause after the n-th failure is
        ``min(initial_delay_ms * factor ** (n - 1), max_delay_ms)``.
    jitter : the part of a pause that chance adds or takes away, 0 to 1.
    reject_if, accept_if : patterns (RE2, case ignored) over the text of the output; an output that the first finds,
        or the second does not, is an error that another attempt may mend.

    Source: spec builder-studio §7.6.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    max_attempts: int = Field(default=3, ge=1, le=100)
    initial_delay_ms: int = Field(default=1000, ge=0, le=3_600_000)
    factor: float = Field(default=2.0, ge=1, le=10)
    max_delay_ms: int = Field(default=30_000, ge=0, le=86_400_000)
    jitter: float = Field(default=0.2, ge=0, le=1)
    reject_if: str | None = None
    accept_if: str | None = None

    @field_validator("reject_if", "accept_if")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compile_pattern(pattern)
        return pattern

    def delay_ms(self, failures: int, *, asked_seconds: float | None, chance: float) -> int:
        """Return the pause after so many failures.

        ``asked_seconds`` is what the peer asked for (``Retry-After``); no pause is shorter. ``chance`` is 0 to 1.
        """
        # A power beyond the cap would overflow a float long before the attempts run out.
        grown = self.initial_delay_ms * self.factor ** min(failures - 1, 64)
        jittered = min(grown, self.max_delay_ms) * (1 + self.jitter * (2 * chance - 1))
        return round(max(jittered, 1000 * (asked_seconds or 0)))

    @property
    def judges(self) -> bool:
        """Whether outputs are looked at."""
        return self.reject_if is not None or self.accept_if is not None

    def rejects(self, text: str) -> bool:
        """Say whether an output with this text is to be tried again."""
        if self.reject_if is not None and compile_pattern(self.reject_if).search(text):
            return True
        return self.accept_if is not None and not compile_pattern(self.accept_if).search(text)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that differ from the defaults, in camel case."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


ONCE = RetryPolicy(max_attempts=1)
"""For steps that nothing would mend."""
