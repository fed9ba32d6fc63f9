"""The settings of the server extension, each a trait of ``BuilderApp``, and what a runtime makes of them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from traitlets import Bool, Dict, Enum, HasTraits, Int, List, Unicode

from builder_jupyter.identity.jwt_settings import (
    MAX_LEEWAY_SECONDS,
    MIN_SECRET_BYTES,
    PUBLIC_KEY_ALGORITHMS,
    SECRET_VARIABLE,
    JwtSettings,
    jwt_settings,
)
from builder_jupyter.services.credits import STARTING_GRANT
from builder_jupyter.services.providers import ADDRESSES
from builder_jupyter.services.rates import Bucket, Mode
from builder_jupyter.services.runtime import DEFAULT_LIMITS, Settings

log = logging.getLogger(__name__)

ENCRYPTION_VARIABLE = "BUILDER_ENCRYPTION_KEY"


class BuilderSettings(HasTraits):
    """What ``c.BuilderApp`` has in a configuration file; docs/operation.md says more of each."""

    data_dir = Unicode(
        "",
        help="Where the database lies. Default: a folder for the server's root directory in Jupyter's data directory. "
        "Not inside the root directory: the file browser could open it there.",
    ).tag(config=True)
    default_model = Unicode(
        "", help="The model of nodes that name none, e.g. 'openai:gpt-5-mini'. Default: the local model."
    ).tag(config=True)
    search_provider = Unicode(
        "", help="Dotted path of the class behind the web_search tool. Default: none; the tool says so."
    ).tag(config=True)
    mcp_servers = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="MCP servers whose tools and resources workflows may use, by name: {'url', 'headers'?, 'timeout'?} over "
        "Streamable HTTP, or {'command', 'args'?, 'env'?, 'timeout'?} for a program that is started. '${NAME}' in a "
        "header or in env stands for an environment variable of the server.",
    ).tag(config=True)
    media_providers = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="Who makes pictures, films and sounds, by name: {'kind': 'openai' | 'queue' | 'elevenlabs', 'url', 'key'?,"
        " 'models'?: {'image' | 'video' | 'speech' | 'voice' | 'sfx': model}}; or other settings of the built-in"
        " google, fal, openai and elevenlabs, which need no more than a key in the environment. '${NAME}' in a key"
        " stands for an environment variable of the server.",
    ).tag(config=True)
    media_defaults = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Which provider makes what, where a node names none, e.g. {'image': 'fal', 'speech': 'espeak'}. Default: "
        "the first that can and has a key. 'local' makes placeholders.",
    ).tag(config=True)
    limits = Dict(
        value_trait=Int(min=1),
        key_trait=Unicode(),
        help="How many steps may touch the world at a time: {'workspace': 256, 'provider': 32} for each workspace and "
        "model provider, and others by name, e.g. {'provider:openai': 8, 'model:openai:gpt-5': 2}.",
    ).tag(config=True)
    encryption_key = Unicode(
        "",
        help="What credentials of workspaces are kept with: 32 bytes in base64, or 64 hex digits. Better in the "
        f"environment, as {ENCRYPTION_VARIABLE}. Default: a file in the data directory, made at the first use.",
    ).tag(config=True)
    encryption_key_file = Bool(
        default_value=True,
        help="Whether that file is made where there is no key. If not, credentials are refused until there is one.",
    ).tag(config=True)
    provider_addresses = List(
        Unicode(),
        default_value=list(ADDRESSES),
        help="Where models may be asked with a credential of a workspace's own that brings an address, each with all "
        "below it: ['https://openrouter.ai/api', 'http://localhost:11434'].",
    ).tag(config=True)
    rate_limits = Enum(
        [str(mode) for mode in Mode],
        str(Mode.AUTO),
        help="Whose requests are counted: 'auto' those with keys and tokens, on a server with keys of several "
        "workspaces or with JSON Web Tokens; 'on' everybody's; 'off' nobody's.",
    ).tag(config=True)
    rates = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="Rate limits in place of the usual ones, by bucket, e.g. {'run': {'burst': 20, 'per_minute': 60}, "
        f"'active': {{'burst': 10}}}}. Buckets: {', '.join(Bucket)}.",
    ).tag(config=True)
    jwt_issuer = Unicode(
        "", help="What the claim 'iss' of a JSON Web Token must be, e.g. 'https://host/realms/my-realm'."
    ).tag(config=True)
    jwt_audience = Unicode(
        "",
        help="What the claim 'aud' of a JSON Web Token must be or hold. An issuer signs for other applications with "
        "the same keys: without this, their tokens are good here.",
    ).tag(config=True)
    jwt_jwks_url = Unicode(
        "",
        help="Where the issuer's public keys are, e.g. 'https://host/realms/my-realm/protocol/openid-connect/certs'.",
    ).tag(config=True)
    jwt_jwks_file = Unicode("", help="A file with the issuer's public keys, a JSON Web Key Set.").tag(config=True)
    jwt_secret = Unicode(
        "",
        help="For development, in place of public keys: the secret of tokens signed with HS256, "
        f"{MIN_SECRET_BYTES} bytes or more. Better in the environment, as {SECRET_VARIABLE}.",
    ).tag(config=True)
    jwt_algorithms = List(
        Unicode(),
        help="Which algorithms may have signed a token. Default: with public keys all of "
        f"{', '.join(PUBLIC_KEY_ALGORITHMS)}; with a secret HS256.",
    ).tag(config=True)
    jwt_leeway_seconds = Int(
        MAX_LEEWAY_SECONDS, help=f"How far the issuer's clock may be off, at most {MAX_LEEWAY_SECONDS}."
    ).tag(config=True)
    credit_grant = Int(
        STARTING_GRANT, min=0, help="Credits that the owner's first workspace begins with, at its first use."
    ).tag(config=True)
    unlimited_credits = Bool(
        default_value=False, help="Refuse no run for want of credits: what is missing is granted when it is needed."
    ).tag(config=True)
    credit_prices = Dict(
        key_trait=Unicode(),
        help="Credits of a visit by node type where they are to differ from the published ones: {'agent': 2}.",
    ).tag(config=True)
    billing = Dict(
        key_trait=Unicode(),
        help="What exports of billing say: name (of the vendor), list_price (of a credit), currency, credit_currency, "
        "account_name.",
    ).tag(config=True)
    public_url = Unicode(
        "",
        help="Under which address, base URL included, others reach this server: the beginning of webhooks' addresses. "
        "Default: the address by which it was asked.",
    ).tag(config=True)
    outbound_loopback = Bool(
        default_value=False,
        help="For tests only: callbacks and webhook nodes may call this machine by its loopback addresses.",
    ).tag(config=True)

    def runtime_settings(self, directory: Path, root: Path) -> Settings:
        """Return the settings of the runtime. Secrets of the environment are taken out of it: kernels inherit it.

        Raises
        ------
        NotConfigured : ``JWT_SETTINGS``.
        """
        key = os.environ.pop(ENCRYPTION_VARIABLE, "") or self.encryption_key
        return Settings(
            data_dir=directory,
            default_model=self.default_model or None,
            search_provider=self.search_provider or None,
            root_dir=root,
            limits={**DEFAULT_LIMITS, **self.limits},
            jwt=self._jwt_settings(),
            mcp_servers=self.mcp_servers,
            credit_grant=self.credit_grant,
            unlimited_credits=self.unlimited_credits,
            credit_prices=self.credit_prices,
            billing=self.billing,
            rate_limits=Mode(self.rate_limits),
            rates=self.rates,
            outbound_loopback=self.outbound_loopback,
            media_providers=self.media_providers,
            media_defaults=self.media_defaults,
            encryption_key=key or None,
            makes_encryption_key=self.encryption_key_file,
            provider_addresses=self.provider_addresses,
        )

    def _jwt_settings(self) -> JwtSettings | None:
        from_environment = os.environ.pop(SECRET_VARIABLE, "")
        settings = jwt_settings(
            issuer=self.jwt_issuer,
            audience=self.jwt_audience,
            jwks_url=self.jwt_jwks_url,
            jwks_file=self.jwt_jwks_file,
            secret=self.jwt_secret or from_environment,
            algorithms=self.jwt_algorithms,
            leeway_seconds=self.jwt_leeway_seconds,
        )
        if settings is not None and settings.secret is None and settings.audience is None:
            log.warning("BuilderApp.jwt_audience is not set: the issuer's tokens for other applications are good.")
        return settings
