"""JSON Web Tokens: verify them with the issuer's keys, issue them for development. All cryptography is joserfc's.

What is decided here: which key may verify which token. Keys of an issuer are found by ``kid`` and are public keys; a
secret is used only when nothing else is configured; the algorithm must be one of our list, whatever the token says.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Collection
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from builder_jupyter.clock import Clock
from builder_jupyter.errors import Unauthenticated
from builder_jupyter.identity.bearer import jose_header
from builder_jupyter.identity.claims import BadToken, principal_of
from builder_jupyter.identity.jwt_settings import JwtSettings, check_secret, wrong
from builder_jupyter.identity.principal import Principal

log = logging.getLogger(__name__)

MIN_RSA_BITS = 2048
MAX_KID = 1_024
MAX_HEADER_CHARACTERS = 4_096
MAX_PAYLOAD_CHARACTERS = 16_384


class KeySource(Protocol):
    """Where the issuer's public keys come from."""

    async def find(self, kid: str) -> Key | None:
        """Return the key of this name, None when the issuer has none."""
        ...

    async def close(self) -> None:
        """Ask the issuer nothing any more."""
        ...


class JwtVerifier:
    """Decides whether a token is good, and whom it stands for.

    Parameters
    ----------
    keys : the issuer's keys; None when tokens are signed with the secret of the settings.
    """

    def __init__(self, settings: JwtSettings, clock: Clock, keys: KeySource | None) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._secret = None if settings.secret is None else secret_key(settings.secret)
        # What else a header may hold says nothing about who the bearer is; what it calls critical is refused below.
        self._registry = JWSRegistry(algorithms=settings.algorithms, strict_check_header=False)
        self._registry.max_header_length = MAX_HEADER_CHARACTERS
        self._registry.max_payload_length = MAX_PAYLOAD_CHARACTERS
        required = {"iss": settings.issuer, "aud": settings.audience}
        self._claims: dict[str, jwt.ClaimsOption] = {"exp": {"essential": True}}
        self._claims |= {name: {"essential": True, "value": value} for name, value in required.items() if value}

    async def verify(self, token: str) -> Principal:
        """Return whom a token stands for.

        Raises
        ------
        Unauthenticated : ``AUTH_INVALID_TOKEN``, whatever is wrong with it; the log says what, without the token.
        """
        try:
            header = jose_header(token)
            key = await self._key(header or {})
            verified = jwt.decode(token, key, registry=self._registry)
            self._check(verified.claims)
            return principal_of(verified.claims, client=self._settings.audience)
        except BadToken as error:
            reason = str(error)
        except JoseError as error:
            reason = error.error
        except (ValueError, TypeError, RecursionError) as error:
            reason = type(error).__name__
        log.info("a token was refused: %s", reason)
        raise Unauthenticated("Invalid or expired token")

    async def close(self) -> None:
        """Ask the issuer nothing any more."""
        if self._keys is not None:
            await self._keys.close()

    async def _key(self, header: dict[str, Any]) -> Key:
        if header.get("alg") not in self._settings.algorithms:
            raise BadToken("the algorithm is not one of the list")
        if "crit" in header or "b64" in header:
            raise BadToken("it asks for an extension")
        if self._secret is not None:
            return self._secret
        kid = header.get("kid")
        if self._keys is None or not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
            raise BadToken("it does not name its key")
        key = await self._keys.find(kid)
        if key is None:
            raise BadToken("the issuer has no such key")
        return key

    def _check(self, claims: dict[str, Any]) -> None:
        now = math.floor(self._clock.timestamp())
        jwt.JWTClaimsRegistry(now=now, leeway=self._settings.leeway_seconds, **self._claims).validate(claims)


def read_key_set(document: bytes) -> dict[str, Key]:
    """Return the public keys of a JSON Web Key Set by name; those that cannot verify a token are left out.

    Left out are keys without a ``kid``, for encryption, of other types (symmetric ones above all), and RSA keys that
    are too short.

    Raises
    ------
    ValueError : it is no key set, or none of its keys can be used.
    """
    try:
        keys = json.loads(document)["keys"]
        found = {kid: key for one in keys if (kid := one.get("kid")) and (key := _public_key(one)) is not None}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("it is no JSON Web Key Set") from error
    if not found:
        raise ValueError("it holds no key that could verify a token")
    return found


def _public_key(given: dict[str, Any]) -> Key | None:
    is_for_this = given.get("kty") in {"RSA", "EC", "OKP"} and given.get("use", "sig") == "sig"
    if not is_for_this or not isinstance(given.get("kid"), str):
        return None
    if given["kty"] == "RSA" and len(str(given.get("n", ""))) * 6 < MIN_RSA_BITS:
        return None
    try:
        key = JWKRegistry.import_key(given)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("a key of the issuer cannot be read: %s", type(error).__name__)
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None


def secret_key(secret: str) -> OctKey:
    """Return a secret as a key. Raises `NotConfigured` (``JWT_SETTINGS``) for one that is short or a public key."""
    check_secret(secret)
    try:
        return OctKey.import_key(secret.encode())
    except ValueError as error:
        raise wrong("jwt_secret is not a secret") from error


def issue(
    secret: str,
    *,
    user: str,
    roles: Collection[str] = (),
    now: float,
    ttl_seconds: int,
    issuer: str | None = None,
    audience: str | None = None,
) -> str:
    """Return a token for development, signed with HS256. Source: spec langgraph-builder §10, development tokens.

    ``now`` is in seconds since 1970. Raises as `secret_key`.
    """
    claims: dict[str, Any] = {
        "sub": f"user:{user}",
        "username": user,
        "iat": math.floor(now),
        "exp": math.floor(now) + ttl_seconds,
        "jti": secrets.token_hex(16),
    }
    if roles:
        claims["roles"] = list(roles)
    claims |= {name: value for name, value in (("iss", issuer), ("aud", audience)) if value is not None}
    return jwt.encode({"alg": "HS256"}, claims, secret_key(secret), algorithms=["HS256"])
