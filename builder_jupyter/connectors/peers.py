"""What every connection to a peer needs to know: whom TLS trusts, and whether the peer is this machine."""

from __future__ import annotations

import ipaddress
import ssl
from functools import cache
from urllib.parse import urlsplit


@cache
def tls(*, trusting: bool) -> ssl.SSLContext:
    """Return the TLS settings, made once: loading the authorities blocks the loop for about 20 ms.

    For ``http`` nothing needs to be loaded; the context then trusts nobody.
    """
    if not trusting:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import httpx

    return httpx.create_ssl_context()


def is_loopback(url: str) -> bool:
    """Say whether an address leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
