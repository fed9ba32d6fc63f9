"""Which tokens are good, and whom they stand for. Keys are real, the clock is ours.

==========================================  ==================================================================
rule (specification, section 10)            test
==========================================  ==================================================================
algorithms from a fixed list                test_every_algorithm_of_the_list, test_algorithms_off_the_list
never ``none``                              test_unsigned_tokens
never HS256 with a public key               test_a_public_key_is_no_secret
``iss aud exp nbf``, leeway                 test_claims_about_time_and_place
a token without ``kid`` is refused          test_names_of_keys
user name, roles, teams, workspace          test_who_it_is, test_roles, test_teams
==========================================  ==================================================================
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import pytest
from issuer import AUDIENCE, ISSUER, Issuer, encoded, hmac_token
from joserfc.jwk import ECKey, OctKey, RSAKey

from builder_jupyter.clock import ManualClock
from builder_jupyter.errors import NotConfigured, Unauthenticated
from builder_jupyter.identity.bearer import bearer_of, jose_header
from builder_jupyter.identity.claims import ROLES, USER_SCOPES, BadToken, principal_of
from builder_jupyter.identity.jwt import JwtVerifier, issue, read_key_set
from builder_jupyter.identity.jwt_settings import PUBLIC_KEY_ALGORITHMS, JwtSettings, jwt_settings
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope

SECRET = "a secret of more than thirty-two bytes, for tests"
CLOCK = ManualClock()
NOW = CLOCK.timestamp()
LEEWAY = 30


class Keys:
    """The public keys of an issuer, at hand."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def find(self, kid: str) -> Any:
        return read_key_set(self._issuer.document()).get(kid)

    async def close(self) -> None:
        """Nothing is under way."""


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(now=NOW)


def settings(**changes: Any) -> JwtSettings:
    given = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "https://issuer.example/certs", **changes}
    made = jwt_settings(**given)
    assert made is not None
    return made


def verify(issuer: Issuer, token: str, /, **changes: Any) -> Principal:
    return asyncio.run(JwtVerifier(settings(**changes), CLOCK, Keys(issuer)).verify(token))


def verify_secret(token: str, **changes: Any) -> Principal:
    given = settings(jwks_url="", secret=SECRET, **changes)
    return asyncio.run(JwtVerifier(given, CLOCK, None).verify(token))


def refused(issuer: Issuer, token: str, /, **changes: Any) -> bool:
    with pytest.raises(Unauthenticated) as error:
        verify(issuer, token, **changes)
    assert (error.value.code, error.value.message) == ("AUTH_INVALID_TOKEN", "Invalid or expired token")
    assert error.value.__cause__ is None
    return True


# -- algorithms and keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", PUBLIC_KEY_ALGORITHMS)
def test_every_algorithm_of_the_list(issuer: Issuer, alg: str) -> None:
    token = issuer.token(alg)
    who = verify(issuer, token)
    assert (who.name, who.credential, who.workspace) == ("alice", CredentialKind.JWT, "default")
    others = [name for name in PUBLIC_KEY_ALGORITHMS if name != alg]
    assert refused(issuer, token, algorithms=others)
    head, body, signature = token.split(".")
    changed = encoded(issuer.claims(preferred_username="mallory"))
    assert refused(issuer, f"{head}.{changed}.{signature}")
    assert refused(issuer, f"{head}.{body}.{encoded(bytes(64))}")
    assert refused(issuer, f"{head}.{body}.")


def test_algorithms_off_the_list(issuer: Issuer) -> None:
    for alg in ("HS384", "ES256K", "RS1", "EdDSA", "dir", "", None, 7, ["ES256"], {"a": 1}):
        head = encoded({"alg": alg, "kid": issuer.key().kid})
        assert refused(issuer, f"{head}.{encoded(issuer.claims())}.{encoded(b'x' * 64)}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_unsigned_tokens(issuer: Issuer, alg: str) -> None:
    for signature in ("", "AA"):
        token = f"{encoded({'alg': alg, 'kid': issuer.key().kid})}.{encoded(issuer.claims())}.{signature}"
        assert jose_header(token) is not None, "it must not pass for anything else"
        assert refused(issuer, token)
        with pytest.raises(Unauthenticated):
            verify_secret(token)
    for source in ({"jwks_url": "https://x.example/"}, {"secret": SECRET}):
        with pytest.raises(NotConfigured):
            jwt_settings(**source, algorithms=[alg])


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_public_key_is_no_secret(issuer: Issuer, alg: str) -> None:
    key = issuer.key(alg)
    pem, der = key.as_pem(private=False), key.as_der(private=False)
    as_json = json.dumps(key.as_dict(private=False))
    for public in (pem, pem.strip(), der, as_json.encode()):
        assert refused(issuer, hmac_token(public, issuer.claims(), kid=key.kid))
    for public in (pem.decode(), "\n" + pem.decode(), as_json):
        with pytest.raises(NotConfigured, match="jwt_secret"):
            jwt_settings(secret=public)


def test_a_key_is_used_for_its_own_algorithm_only(issuer: Issuer) -> None:
    fixed = RSAKey.import_key({**issuer.key("RS256").as_dict(private=True), "alg": "PS256", "kid": "fixed"})
    other = Issuer(now=NOW)
    other.keys = {"RS": fixed, "ES256": ECKey.generate_key("P-256", {"kid": "curve"})}
    published = other.document()
    assert verify(other, issuer_token(fixed, "PS256", issuer)).name == "alice"
    unmarked = RSAKey.import_key({**issuer.key("RS256").as_dict(private=True), "kid": "fixed"})
    assert refused(other, issuer_token(unmarked, "RS256", issuer))
    # The name of one key with the algorithm of another.
    assert refused(other, issuer.token("RS256", header={"kid": "curve"}))
    assert read_key_set(published).keys() == {"fixed", "curve"}


def issuer_token(key: Any, alg: str, issuer: Issuer) -> str:
    signer = Issuer(now=NOW)
    signer.keys = {alg[:2]: key}
    return signer.token(alg)


def test_names_of_keys(issuer: Issuer) -> None:
    for kid in (None, "", "unknown", 7, ["key-ES256"], {"kid": 1}, "k" * 2_000):
        signed = issuer.token(header={"kid": None}).split(".")
        head = {"alg": "ES256"} if kid is None else {"alg": "ES256", "kid": kid}
        assert refused(issuer, ".".join([encoded(head), *signed[1:]]))
    assert refused(issuer, issuer.token(header={"kid": None}))
    strange = Issuer(now=NOW)
    assert refused(issuer, strange.token()), "a key of the same name that is another's"


def test_what_a_token_brings_along_is_not_used(issuer: Issuer) -> None:
    mallory = Issuer(now=NOW)
    key = mallory.key()
    own = {"jwk": key.as_dict(private=False), "jku": "https://mallory.example/certs", "kid": "mallory"}
    assert refused(issuer, mallory.token(header=own))
    assert refused(issuer, mallory.token(header={**own, "kid": issuer.key().kid}))
    assert verify(issuer, issuer.token(header={"x5t": "abc", "jku": "https://issuer.example/certs"})).name == "alice"


def test_extensions_that_change_the_meaning_are_refused(issuer: Issuer) -> None:
    signed = issuer.token().split(".")
    for more in ({"crit": ["b64"], "b64": False}, {"crit": ["exp"], "exp": 1}, {"b64": False}, {"crit": []}):
        head = encoded({"alg": "ES256", "kid": issuer.key().kid, **more})
        assert refused(issuer, ".".join([head, *signed[1:]]))


def test_key_sets() -> None:
    good = ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)
    weak = RSAKey.generate_key(2048, {"kid": "weak"}).as_dict(private=False) | {"n": "AQAB" * 40}
    useless = [
        {**good, "kid": None},
        {name: value for name, value in good.items() if name != "kid"},
        {**good, "kid": "for encryption", "use": "enc"},
        {**good, "kid": "broken", "x": "AAAA"},
        {"kty": "AKP", "kid": "of the future"},
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(),
        weak,
    ]
    assert read_key_set(json.dumps({"keys": [*useless, good]}).encode()).keys() == {"good"}
    for document in ({"keys": useless}, {"keys": []}, {"keys": None}, {"keys": [1]}, {}, [], "x", None):
        with pytest.raises(ValueError, match="it "):
            read_key_set(json.dumps(document).encode())
    for raw in (b"", b"<html>", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - json has its own words
            read_key_set(raw)


# -- claims -------------------------------------------------------------------------------------------------------

INT = int(NOW)


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({}, True),
        ({"exp": INT - LEEWAY + 1}, True),
        ({"exp": INT - LEEWAY}, False),
        ({"exp": None}, False),
        ({"exp": str(INT + 900)}, False),
        ({"exp": True}, False),
        ({"exp": [INT + 900]}, False),
        ({"exp": 10**400}, True),
        ({"exp": INT + 0.5}, True),
        ({"nbf": INT + LEEWAY}, True),
        ({"nbf": INT + LEEWAY + 1}, False),
        ({"nbf": "now"}, False),
        ({"iat": INT + LEEWAY}, True),
        ({"iat": INT + LEEWAY + 1}, False),
        ({"iat": None}, True),
        ({"iat": "x"}, False),
        ({"iss": "https://issuer.example/realms/other"}, False),
        ({"iss": ISSUER + "/"}, False),
        ({"iss": None}, False),
        ({"iss": [ISSUER]}, False),
        ({"aud": None}, False),
        ({"aud": "other"}, False),
        ({"aud": []}, False),
        ({"aud": ["other", AUDIENCE]}, True),
        ({"aud": {AUDIENCE: 1}}, False),
        ({"aud": AUDIENCE.upper()}, False),
        ({"sub": 7}, False),
    ],
    ids=str,
)
def test_claims_about_time_and_place(issuer: Issuer, claims: dict[str, Any], *, is_good: bool) -> None:
    token = issuer.token(**claims)
    assert verify(issuer, token).name == "alice" if is_good else refused(issuer, token)


def test_numbers_that_json_does_not_have(issuer: Issuer) -> None:
    for exp in (float("inf"), float("nan"), -float("inf")):
        assert refused(issuer, issuer.token(exp=exp))


def test_leeway_and_places_are_as_configured(issuer: Issuer) -> None:
    assert refused(issuer, issuer.token(exp=INT), leeway_seconds=0)
    assert verify(issuer, issuer.token(exp=INT + 1), leeway_seconds=0)
    assert verify(issuer, issuer.token(iss="x", aud="y"), issuer="", audience="")
    assert refused(issuer, issuer.token(iss="x"), audience="")


def test_a_token_ends_while_the_clock_goes_on(issuer: Issuer) -> None:
    clock = ManualClock()
    verifier = JwtVerifier(settings(), clock, Keys(issuer))
    token = issuer.token(exp=INT + 60)
    assert asyncio.run(verifier.verify(token))
    clock.advance(60 + LEEWAY)
    with pytest.raises(Unauthenticated):
        asyncio.run(verifier.verify(token))


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ann", "username": "bob", "sub": "user:cid"}, "ann"),
        ({"username": "bob", "sub": "user:cid"}, "bob"),
        ({"sub": "user:cid"}, "cid"),
        ({"sub": "cid"}, "cid"),
        ({"sub": "user:user:cid"}, "user:cid"),
        ({"preferred_username": "Ünï 🜁"}, "Ünï 🜁"),
        ({}, None),
        ({"sub": ""}, None),
        ({"sub": "user:"}, None),
        ({"preferred_username": " ", "sub": "x"}, None),
        ({"preferred_username": 7, "sub": "x"}, None),
        ({"preferred_username": "a\nb", "sub": "x"}, None),
        ({"preferred_username": "a" * 256, "sub": "x"}, None),
    ],
    ids=str,
)
def test_who_it_is(claims: dict[str, Any], name: str | None) -> None:
    if name is None:
        with pytest.raises(BadToken):
            principal_of(claims)
    else:
        assert principal_of(claims).name == name


@pytest.mark.parametrize(
    ("claims", "scopes", "is_admin"),
    [
        ({}, USER_SCOPES, False),
        ({"roles": []}, USER_SCOPES, False),
        ({"roles": ["offline_access"]}, USER_SCOPES, False),
        ({"roles": ["viewer", "offline_access"]}, ROLES["viewer"], False),
        ({"roles": "viewer"}, ROLES["viewer"], False),
        ({"roles": ["executor"]}, ROLES["viewer"] | {Scope.RUN_WORKFLOWS}, False),
        ({"roles": ["viewer"], "realm_access": {"roles": ["user"]}}, USER_SCOPES, False),
        ({"realm_access": {"roles": ["admin"]}}, ALL_SCOPES, True),
        ({"roles": ["admin", "viewer"]}, ALL_SCOPES, True),
        ({"roles": ["Admin"]}, USER_SCOPES, False),
        ({"resource_access": {AUDIENCE: {"roles": ["executor"]}}}, ROLES["executor"], False),
        ({"resource_access": {"other": {"roles": ["admin"]}}}, USER_SCOPES, False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict | bool) else str(sorted(value)),  # sets have no order
)
def test_roles(claims: dict[str, Any], scopes: frozenset[Scope], *, is_admin: bool) -> None:
    who = principal_of({"sub": "x", **claims}, client=AUDIENCE)
    assert (who.scopes, who.is_admin) == (scopes, is_admin)
    assert Scope.MANAGE_INTEGRATIONS not in who.scopes or is_admin, "keys that they make are admins' keys"


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": 7}, {"roles": [7]}, {"roles": {"admin": True}}, {"realm_access": []}, {"realm_access": {"roles": 1}},
        {"resource_access": {AUDIENCE: ["admin"]}}, {"groups": [["a"]]}, {"workspace": ""}, {"workspace": 1},
    ],
    ids=str,
)  # fmt: skip
def test_claims_of_the_wrong_shape_give_nobody_more(issuer: Issuer, claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        principal_of({"sub": "x", **claims}, client=AUDIENCE)
    assert refused(issuer, issuer.token(**claims))


def test_teams() -> None:
    who = principal_of({"sub": "x", "groups": ["/a/b", "c", "/d/", "/", "", "/e/f g"], "workspace": "w"})
    assert who.teams == {"b", "c", "d", "f g"}
    assert who.workspace == "w"


# -- shapes -------------------------------------------------------------------------------------------------------


def test_garbage(issuer: Issuer) -> None:
    head, body, signature = issuer.token().split(".")
    nested = encoded(b'{"alg":"ES256","kid":"key-ES256","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}")
    texts = [
        "", ".", "..", "...", "a.b", "a.b.c", f"{head}.{body}", f"{head}.{body}.{signature}.x", f"{head}.{body}.!!",
        f"{head}..{signature}", f".{body}.{signature}", f"{head}=.{body}.{signature}", f" {head}.{body}.{signature}",
        f"{head}.{encoded(b'not json')}.{signature}", f"{head}.{encoded([1])}.{signature}", "\ud800.a.b", "ü.ü.ü",
        f"{nested}.{body}.{signature}", f"{head}.{nested}.{signature}", f"{encoded([])}.{body}.{signature}",
        f"{encoded(None)}.{body}.{signature}", f"{encoded(b'{')}.{body}.{signature}", "\x00" * 10,
    ]  # fmt: skip
    for text in texts:
        assert refused(issuer, text), text[:40]
    for end in range(0, len(head) + len(body) + 5, 7):
        assert refused(issuer, f"{head}.{body}.{signature}"[:end])


def test_tokens_that_are_signed_and_say_nothing_usable(issuer: Issuer) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    assert verify(issuer, issuer.token(more=deep)).name == "alice"
    assert refused(issuer, issuer.token(more="x" * 20_000)), "larger than any token is"
    assert refused(issuer, issuer.token(header={"more": "x" * 5_000}))


def test_shapes() -> None:
    head = encoded({"alg": "none"})
    for text in (f"{head}.a.b", f"{head}.a.", f"{head}.."):
        assert jose_header(text) == {"alg": "none"}
    for text in ("builder_a.b.c", "a.b.c", f"{head}.a", f"{head}.a.b.c", f"{encoded([1])}.a.b", f"{head}.a.b\n", ""):
        assert jose_header(text) is None, text
    for header, bearer in {
        "Bearer x": "x", "bearer x": "x", "BEARER\tx": "x", "  Bearer   x y ": "x y", "Bearer": "", "Bearer ": "",
        "": None, "token x": None, "Basic x": None, "Bearerx": None,
    }.items():  # fmt: skip
        assert bearer_of(header) == bearer, header


# -- secrets and settings -----------------------------------------------------------------------------------------


def test_tokens_of_our_own() -> None:
    token = issue(SECRET, user="alice", roles=["viewer"], now=NOW, ttl_seconds=60, issuer=ISSUER, audience=AUDIENCE)
    who = verify_secret(token)
    assert (who.name, who.scopes, who.is_admin) == ("alice", ROLES["viewer"], False)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == "user:alice"
    assert (claims["iat"], claims["exp"]) == (INT, INT + 60)
    assert len(claims["jti"]) == 32
    with pytest.raises(Unauthenticated):
        verify_secret(issue(SECRET, user="alice", now=NOW, ttl_seconds=60))  # for nobody in particular
    with pytest.raises(Unauthenticated):
        verify_secret(issue(SECRET + "!", user="a", now=NOW, ttl_seconds=60, issuer=ISSUER, audience=AUDIENCE))
    assert verify_secret(issue(SECRET, user="alice", now=NOW, ttl_seconds=60), issuer="", audience="").name == "alice"


def test_with_public_keys_no_secret_signs(issuer: Issuer) -> None:
    assert refused(issuer, hmac_token(SECRET.encode(), issuer.claims()))
    assert refused(issuer, hmac_token(SECRET.encode(), issuer.claims(), kid=issuer.key().kid))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"issuer": ISSUER}, "jwt_issuer"),
        ({"audience": AUDIENCE, "algorithms": ["RS256"]}, "jwt_audience and jwt_algorithms"),
        ({"jwks_url": "https://x.example", "jwks_file": "keys.json"}, "only one"),
        ({"jwks_url": "https://x.example", "secret": SECRET}, "jwt_jwks_url and jwt_secret"),
        ({"jwks_file": "keys.json", "secret": SECRET}, "only one"),
        ({"secret": "short"}, "32 bytes"),
        ({"jwks_url": "https://x.example", "algorithms": ["HS256"]}, "HS256 with jwt_jwks_url"),
        ({"jwks_file": "keys.json", "algorithms": ["RS256", "none"]}, "none with jwt_jwks_file"),
        ({"secret": SECRET, "algorithms": ["RS256"]}, "RS256 with jwt_secret"),
        ({"jwks_url": "http://issuer.example/certs"}, "https://"),
        ({"jwks_url": "file:///etc/passwd"}, "https://"),
        ({"jwks_url": "https://"}, "https://"),
        ({"jwks_url": "https://[::1"}, "no address"),
        ({"jwks_url": "https://x.example:port/"}, "no address"),
        ({"secret": SECRET, "leeway_seconds": 31}, "between 0 and 30"),
        ({"secret": SECRET, "leeway_seconds": -1}, "between 0 and 30"),
    ],
    ids=str,
)
def test_settings_that_contradict_themselves(given: dict[str, Any], said: str) -> None:
    with pytest.raises(NotConfigured) as error:
        jwt_settings(**given)
    assert error.value.code == "JWT_SETTINGS"
    assert said in error.value.message
    assert given.get("secret", "no secret") not in error.value.message


def test_settings() -> None:
    assert jwt_settings() is None
    assert settings().algorithms == PUBLIC_KEY_ALGORITHMS
    assert settings(jwks_url="http://localhost:8082/certs", algorithms=["RS256"]).algorithms == ("RS256",)
    with_secret = settings(jwks_url="", secret=SECRET)
    assert with_secret.algorithms == ("HS256",)
    assert SECRET not in repr(with_secret)
    assert SECRET not in repr(JwtVerifier(with_secret, CLOCK, None))


def test_nothing_of_a_token_is_logged(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="builder_jupyter")
    texts = [issuer.token(exp=1), issuer.token(preferred_username="a\nb"), issuer.token(header={"kid": "unheard-of"})]
    texts.append(f"{encoded({'alg': 'made-up'})}.{encoded(issuer.claims())}.")
    for token in texts:
        assert refused(issuer, token)
    assert len(caplog.records) == len(texts)
    shown = caplog.text
    assert "expired_token" in shown
    for token in texts:
        assert not any(part and part in shown for part in token.split("."))
    assert not any(word in shown for word in ("unheard-of", "made-up", "a\nb"))
