"""The one way to call an address that somebody named: a callback, a webhook, whatever a graph or a request holds.

The name is resolved, every answer is checked, and the connection goes to a checked address: nothing is resolved a
second time, so a name server that changes its mind (rebinding) changes nothing. Each redirect is a new address and goes
through the same. No proxy is asked: it would resolve the name itself. Source: spec builder-studio §6.1, design §10.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from builder_jupyter.connectors.peers import tls
from builder_jupyter.errors import InvalidInput, OutputInvalid, ProviderError
from builder_jupyter.nodes.http import HTTPS, WEB, HttpReply, HttpRequest, check_url

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, as texts. Raises `OSError` when it has none."""

NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",  # a cloud's metadata service at an address that looks public
            "::/96",  # unspecified, loopback, and IPv4-compatible
            "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "100::/64",
            "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",  # NAT64, 6to4, Teredo: an IPv4 address inside
        ),
    )
)  # fmt: skip
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")
LOCAL_NAMES = frozenset({
    "localhost", "localdomain", "local", "internal", "metadata", "metadata.goog", "instance-data",
    "metadata.azure.com", "metadata.tencentyun.com", "metadata.packet.net", "metadata.platformequinix.com",
    "rancher-metadata", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
})  # fmt: skip
PORTS_BELOW_1024 = {"https": 443, "http": 80}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "BuilderStudio/1"

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*")
_LIKE_A_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
_OWN_HEADERS = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads: ``host`` is a name in ASCII, or ``literal`` an IP address; ``path`` has the query."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = PORTS_BELOW_1024[self.scheme] == self.port
        return host if default else f"{host}:{self.port}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outbound:
    """Sends requests to public addresses; `nodes.http.Http`.

    Parameters
    ----------
    resolver : what looks names up.
    allow_loopback : for tests only: this machine's loopback may be called, also by ``http`` and at any port, but for
        the server that `protect` names.
    trust : whom TLS trusts; the authorities that httpx brings when None.
    """

    def __init__(
        self, *, resolver: Resolver = resolve, allow_loopback: bool = False, trust: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._allow_loopback = allow_loopback
        self._trust = trust
        self._own: set[tuple[str, int]] = set()
        self._own_ports: set[int] = set()

    def protect(self, url: str) -> None:
        """Never call the server at this address, which is the one that we are part of."""
        target = _target(url)
        self._own.add((target.host, target.port))
        self._own_ports.add(target.port)

    async def check(self, url: str, schemes: frozenset[str] = HTTPS) -> None:
        """Let an address through that could be called now. Raises as `Http.send`."""
        await self._admit(url, schemes)

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a request and return the answer; see `nodes.http.Http`."""
        try:
            async with asyncio.timeout(request.seconds):
                return await self._follow(request)
        except TimeoutError:
            raise ProviderError(
                f"The peer did not answer within {request.seconds:g} s.", code="HTTP_TIMEOUT", retryable=True
            ) from None

    async def _follow(self, request: HttpRequest) -> HttpReply:
        from builder_jupyter.connectors.wire import exchange  # with its library, which takes 0.1 s to import

        for left in range(request.redirects, -1, -1):
            target, addresses = await self._admit(request.url, request.schemes)
            trust = self._trust
            if trust is None:
                trust = await asyncio.to_thread(tls, trusting=target.scheme == "https")
            headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
            sent = replace(request, headers=_merged(headers, request.headers))
            reply = await exchange(sent, target, [str(address) for address in addresses], trust)
            location = reply.headers.get("location")
            if request.redirects == 0 or reply.status not in REDIRECTS or location is None:
                return reply
            if left:
                request = _redirected(request, target, reply.status, location)
        raise OutputInvalid(f"The peer redirects more than {request.redirects} times.", code="HTTP_TOO_MANY_REDIRECTS")

    async def _admit(self, url: str, schemes: frozenset[str]) -> tuple[Target, list[Address]]:
        """Return where an address leads and the checked addresses to connect to."""
        check_url(url, WEB if self._allow_loopback else schemes)
        target = _target(url)
        addresses = [target.literal] if target.literal is not None else await self._resolved(target)
        for address in addresses:
            if (reason := self._refusal(target, address)) is not None:
                raise _refused(reason)
        if not all(map(_is_loopback, addresses)):
            check_url(url, schemes)
            if target.port < 1024 and target.port != PORTS_BELOW_1024[target.scheme]:
                raise _refused(f"port {target.port} is not called")
        return target, addresses

    async def _resolved(self, target: Target) -> list[Address]:
        name = target.host
        is_loopback = name == "localhost" or name.endswith(".localhost")
        is_local = name in LOCAL_NAMES or name.endswith(LOCAL_SUFFIXES)
        if is_local and not (is_loopback and self._allow_loopback):
            raise _refused("its name is one of a local network")
        try:
            found = await self._resolver(name, target.port)
            addresses = [ipaddress.ip_address(text) for text in found]
        except (OSError, ValueError) as error:  # UnicodeError is a ValueError
            raise ProviderError("The peer's name is unknown.", code="HTTP_UNREACHABLE", retryable=True) from error
        if not addresses:
            raise ProviderError("The peer's name has no address.", code="HTTP_UNREACHABLE", retryable=True)
        return addresses

    def _refusal(self, target: Target, address: Address) -> str | None:
        """Say why an address is not called; None when it is."""
        if (target.host, target.port) in self._own:
            return "it is this server"
        address = _plain(address)
        if _is_loopback(address):
            if not self._allow_loopback:
                return "it is not public"
            return "it is this server" if target.port in self._own_ports else None
        if not address.is_global or any(address in network for network in NOT_PUBLIC):
            return "it is not public"
        return "it is this machine" if _is_own(address) else None


def _target(url: str) -> Target:
    """Return the parts of an address as they are sent. Raises `InvalidInput`."""
    import httpx

    try:
        parts = httpx.URL(url)
        host = parts.raw_host.decode("ascii").lower().removesuffix(".")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise InvalidInput("The URL cannot be read.", code="INVALID_URL") from error
    literal: Address | None
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        literal = None
    # Decimal, octal, hexadecimal and short forms: what reads them as numbers would not ask for a name.
    if literal is None and _LIKE_A_NUMBER.fullmatch(host):
        raise _refused("its host is a number in an unusual form")
    if literal is None and (not _NAME.fullmatch(host) or len(host) > 253):
        raise InvalidInput("The URL has no host that could be called.", code="INVALID_URL")
    port = parts.port or PORTS_BELOW_1024.get(parts.scheme, 0)
    return Target(parts.scheme, host, port, parts.raw_path.decode("ascii"), literal)


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _is_loopback(address: Address) -> bool:
    return _plain(address).is_loopback


def _is_own(address: Address) -> bool:
    """Say whether an address is this machine's: nobody else's can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _refused(reason: str) -> InvalidInput:
    # Which address a name has is not told: it would show what only this network can look up.
    return InvalidInput(f"The URL may not be called: {reason}.", code="ADDRESS_REFUSED")


def _merged(defaults: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    names = {name.lower() for name in given}
    return {name: value for name, value in defaults.items() if name.lower() not in names} | dict(given)


def _redirected(request: HttpRequest, target: Target, status: int, location: str) -> HttpRequest:
    """Return the request to where an answer leads. Another origin is shown nothing that was meant for this one."""
    url = urljoin(request.url, location.partition("#")[0])
    check_url(url, HTTPS & request.schemes if target.scheme == "https" else request.schemes)
    changes: dict[str, Any] = {"url": url}
    to = _target(url)
    if (to.scheme, to.host, to.port) != (target.scheme, target.host, target.port):
        changes["headers"] = {name: text for name, text in request.headers.items() if name.lower() in _OWN_HEADERS}
    if status == 303 or (status in {301, 302} and request.method == "POST"):
        kept = changes.get("headers", request.headers)
        changes["headers"] = {name: text for name, text in kept.items() if name.lower() != "content-type"}
        changes |= {"method": "GET", "body": b""}
    return replace(request, **changes)
