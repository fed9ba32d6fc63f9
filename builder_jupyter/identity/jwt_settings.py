"""How JSON Web Tokens are checked: what may be configured, and what contradicts itself. Loads no cryptography.

Source: spec langgraph-builder §10; the algorithms are those of RFC 7518 and RFC 9864.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from builder_jupyter.errors import NotConfigured

SECRET_VARIABLE = "BUILDER_JUPYTER_JWT_SECRET"  # noqa: S105 - its name
MIN_SECRET_BYTES = 32
MAX_LEEWAY_SECONDS = 30

# Whoever verifies with a public key could sign with it if HS256 were among these.
PUBLIC_KEY_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
SECRET_ALGORITHMS = ("HS256",)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """How tokens are checked; exactly one of the address, the file and the secret is given.

    Parameters
    ----------
    issuer, audience : what ``iss`` and ``aud`` must be or hold; None leaves them unchecked.
    jwks_url, jwks_file : where the issuer's public keys are.
    secret : what tokens are signed with instead, for development.
    algorithms : those that are accepted.
    leeway_seconds : how far the issuer's clock may be off.
    """

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    jwks_file: Path | None = None
    secret: str | None = field(default=None, repr=False)
    leeway_seconds: int = MAX_LEEWAY_SECONDS


def jwt_settings(
    *,
    issuer: str = "",
    audience: str = "",
    jwks_url: str = "",
    jwks_file: str = "",
    secret: str = "",
    algorithms: Sequence[str] = (),
    leeway_seconds: int = MAX_LEEWAY_SECONDS,
) -> JwtSettings | None:
    """Return the settings if there are any; what is empty is not given.

    Raises
    ------
    NotConfigured : ``JWT_SETTINGS``, naming what contradicts what.
    """
    sources = {"jwt_jwks_url": jwks_url, "jwt_jwks_file": jwks_file, "jwt_secret": secret}
    others = {"jwt_issuer": issuer, "jwt_audience": audience, "jwt_algorithms": algorithms}
    given = [name for name, value in sources.items() if value]
    if not given:
        lonely = [name for name, value in others.items() if value]
        if lonely:
            raise wrong(f"{' and '.join(lonely)} without any of {', '.join(sources)}: there are no keys to check with")
        return None
    if len(given) > 1:
        raise wrong(f"{' and '.join(given)}: only one of them can be where keys come from")
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise wrong(f"jwt_leeway_seconds must be between 0 and {MAX_LEEWAY_SECONDS}")
    if jwks_url:
        _check_address(jwks_url)
    if secret:
        check_secret(secret)
    return JwtSettings(
        algorithms=_algorithms(algorithms, SECRET_ALGORITHMS if secret else PUBLIC_KEY_ALGORITHMS, given[0]),
        issuer=issuer or None,
        audience=audience or None,
        jwks_url=jwks_url or None,
        jwks_file=Path(jwks_file).expanduser() if jwks_file else None,
        secret=secret or None,
        leeway_seconds=leeway_seconds,
    )


def check_secret(secret: str) -> None:
    """Refuse a secret that can be guessed, or is not one: a public key. Raises as `jwt_settings`."""
    if len(secret.encode(errors="replace")) < MIN_SECRET_BYTES:
        raise wrong(f"jwt_secret has less than {MIN_SECRET_BYTES} bytes, and could be guessed")
    if any(mark in secret for mark in ("-----BEGIN", "---- BEGIN", "ssh-", "ecdsa-sha2-", '"kty"')):
        raise wrong("jwt_secret is a key that others may know; public keys go into jwt_jwks_file")


def wrong(what: str) -> NotConfigured:
    """Return the error for settings that make no sense; it never names a value that may be secret."""
    return NotConfigured(f"The settings for JSON Web Tokens are wrong: {what}.", code="JWT_SETTINGS")


def _algorithms(wanted: Sequence[str], possible: tuple[str, ...], source: str) -> tuple[str, ...]:
    strange = [name for name in wanted if name not in possible]
    if strange:
        raise wrong(f"jwt_algorithms {', '.join(strange)} with {source}: possible are {', '.join(possible)}")
    return tuple(wanted) or possible


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise wrong("jwt_jwks_url is no address") from error
    if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
        raise wrong("jwt_jwks_url must begin with https://, or lead to this machine: keys must not change on the way")
