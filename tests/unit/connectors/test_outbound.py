"""The guard of what is called outside: no rule can be got round by how an address is written or resolved."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from receiver import Received, Receiver, Reply, certificate

from builder_jupyter.connectors import wire
from builder_jupyter.connectors.outbound import Outbound
from builder_jupyter.errors import BuilderError, InvalidInput, OutputInvalid, ProviderError
from builder_jupyter.nodes.http import WEB, HttpReply, HttpRequest

PUBLIC = "93.184.216.34"


def names(**known: str | Sequence[str]) -> Callable[[str, int], Any]:
    """A resolver that knows these names; underscores stand for dots."""
    table = {name.replace("_", "."): [found] if isinstance(found, str) else found for name, found in known.items()}

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in table:
            raise socket.gaierror("unknown")
        return table[host]

    return resolve


def refusal(url: str, guard: Outbound | None = None, **allowed: Any) -> str | None:
    """Return the code with which an address is refused; None when it is not."""
    guard = guard or Outbound(resolver=names(hooks_example=PUBLIC))
    try:
        asyncio.run(guard.check(url, **allowed))
    except BuilderError as error:
        return error.code
    return None


def failed(work: Any) -> BuilderError:
    with pytest.raises(BuilderError) as error:
        asyncio.run(work)
    return error.value


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses to which connections are made; each leads to nowhere."""
    found: list[str] = []

    async def exchange(_request: Any, target: Any, addresses: Sequence[str], _trust: Any) -> HttpReply:
        found.append(f"{target.scheme}://{target.authority}{target.path} at {','.join(addresses)}")
        return HttpReply(200, {}, b"")

    monkeypatch.setattr(wire, "exchange", exchange)
    return found


# -- what an address may look like -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/x?y=1", "https://HOOKS.example:443/", "https://hooks.example.:8443/",
        "https://hooks.example:1024",
        "https://hooks.example:65535/", f"https://{PUBLIC}/", "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        f"https://[::ffff:{PUBLIC}]/", "https://hooks.example/" + "x" * (2048 - 22),
    ],
)  # fmt: skip
def test_what_may_be_called(url: str) -> None:
    assert refusal(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "/x", "//hooks.example/", "https:", "https://", "https:///x", "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd", "gopher://hooks.example/", "https://a@hooks.example/", "https://a:b@hooks.example/",
        "https://@hooks.example/", "https://hooks.example/#f", "https://hooks.example/x#",
        "https://hooks.example:99999/",
        "https://hooks.example:x/", "https://hooks.example/" + "x" * (2049 - 22), "https://hooks.example/a b",
        "https://hooks.example\\@127.0.0.1/", "https://hooks.example/\r\nHost: x", "https://hooks.example/\t",
        " https://hooks.example/",
        "https://ex ample/", "https://[::1", "https://%61.example/", "https://-a.example/", "https://a..example/",
        "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/", "https://*.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_to_call(url: str) -> None:
    assert refusal(url) == "INVALID_URL"


@pytest.mark.parametrize("port", [1, 22, 25, 80, 444, 1023])
def test_ports(port: int) -> None:
    assert refusal(f"https://hooks.example:{port}/") == "ADDRESS_REFUSED"
    assert refusal("https://hooks.example:1024/") is None


def test_plain_http_only_where_it_is_allowed() -> None:
    assert refusal("http://hooks.example/", schemes=WEB) is None
    assert refusal("http://hooks.example:80/", schemes=WEB) is None
    assert refusal("http://hooks.example:443/", schemes=WEB) == "ADDRESS_REFUSED"
    assert refusal("https://hooks.example:80/", schemes=WEB) == "ADDRESS_REFUSED"


NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", f"::{PUBLIC}", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    "2001:db8::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1", "0:0:0:0:0:ffff:c0a8:101",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_address_that_is_not_public_is_called(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    assert refusal(f"https://{literal}/") == "ADDRESS_REFUSED"
    assert refusal(f"https://{literal}:8443/x") == "ADDRESS_REFUSED"
    for answers in ([address], [PUBLIC, address], [address, PUBLIC]):  # one bad answer is enough
        guard = Outbound(resolver=names(hooks_example=answers))
        assert refusal("https://hooks.example/", guard) == "ADDRESS_REFUSED", answers
        assert refusal("http://hooks.example/", guard, schemes=WEB) == "ADDRESS_REFUSED", answers


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "127.1", "127.0.1", "1",
        "0", "0x",
        "127.0.0.01", "0127.0.0.1", "4294967295", "4294967296", "256.256.256.256", "1.2.3.4.5", "a.1",
        "hooks.example.0x7f",
        "127.0.0.1.", "2130706433.", "%31%32%37.0.0.1",
    ],
)  # fmt: skip
def test_numbers_in_odd_forms_are_no_names(host: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [PUBLIC]  # whatever the system would make of it

    assert refusal(f"https://{host}/", Outbound(resolver=resolve)) in {"ADDRESS_REFUSED", "INVALID_URL"}


@pytest.mark.parametrize("host", ["１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost", "local\u00adhost"])
def test_letters_that_become_others(host: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [PUBLIC]

    assert refusal(f"https://{host}/", Outbound(resolver=resolve)) in {"INVALID_URL", "ADDRESS_REFUSED"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "vault.internal", "metadata",
        "metadata.google.internal",
        "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.azure.com", "metadata.tencentyun.com",
        "metadata.packet.net", "router.home.arpa", "host.docker.internal", "kubernetes.default.svc", "a.localdomain",
    ],
)  # fmt: skip
def test_names_of_local_networks(host: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [PUBLIC]  # a search domain may well know it

    assert refusal(f"https://{host}/", Outbound(resolver=resolve)) == "ADDRESS_REFUSED"


def test_a_name_in_other_letters_is_asked_for_in_ascii(dialled: list[str]) -> None:
    guard = Outbound(resolver=names(**{"xn--bcher-kva_example": PUBLIC}))
    asyncio.run(guard.send(HttpRequest("GET", "https://bücher.example/ä?ö=1")))
    assert dialled == [f"https://xn--bcher-kva.example/%C3%A4?%C3%B6=1 at {PUBLIC}"]


def test_unknown_names() -> None:
    for resolver in (names(), names(hooks_example=[]), names(hooks_example="nonsense")):
        error = failed(Outbound(resolver=resolver).check("https://hooks.example/"))
        assert (type(error), error.code) == (ProviderError, "HTTP_UNREACHABLE")


# -- rebinding ---------------------------------------------------------------------------------------------------


def test_a_name_is_resolved_once_and_the_connection_goes_where_that_led(dialled: list[str]) -> None:
    asked = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    guard = Outbound(resolver=resolve)
    asyncio.run(guard.send(HttpRequest("POST", "https://hooks.example/x")))
    assert dialled == [f"https://hooks.example/x at {PUBLIC}"]
    assert asked == ["hooks.example"], "the second answer was never heard"
    assert failed(guard.send(HttpRequest("POST", "https://hooks.example/x"))).code == "ADDRESS_REFUSED"
    assert len(dialled) == 1


def test_the_address_is_called_and_the_name_is_kept(tmp_path: Path) -> None:
    """TLS asks for the name, the certificate has to be the name's, and ``Host`` says it; the address was ours."""
    shown, trust = certificate(tmp_path, "hooks.example")
    with Receiver(trust=shown) as receiver:
        resolver = names(hooks_example="127.0.0.1", other_example="127.0.0.1")
        guard = Outbound(resolver=resolver, allow_loopback=True, trust=trust)
        reply = asyncio.run(guard.send(HttpRequest("POST", receiver.url("/x?y", "hooks.example"), body=b"b")))
        assert reply.status == 200
        (received,) = receiver.requests
        assert (received.method, received.path, received.body) == ("POST", "/x?y", b"b")
        assert received.headers["host"] == f"hooks.example:{receiver.port}"
        assert receiver.names == ["hooks.example"]
        error = failed(guard.send(HttpRequest("POST", receiver.url("/", "other.example"))))
        assert (error.code, len(receiver.requests)) == ("HTTP_UNREACHABLE", 1), "a certificate for another name"


def test_the_next_address_is_tried_when_one_is_dead() -> None:
    with Receiver() as receiver:
        guard = Outbound(resolver=names(hooks_example=["127.0.0.2", "127.0.0.1"]), allow_loopback=True)
        assert asyncio.run(guard.send(HttpRequest("GET", receiver.url("/", "hooks.example")))).status == 200


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        asyncio.run(Outbound(allow_loopback=True).send(HttpRequest("GET", receiver.url())))
        assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


# -- this server and this machine --------------------------------------------------------------------------------


def test_loopback_is_for_tests() -> None:
    with Receiver() as receiver:
        for host in ("127.0.0.1", "localhost", "hooks.example"):
            guard = Outbound(resolver=names(hooks_example="127.0.0.1"))
            error = failed(guard.send(HttpRequest("GET", receiver.url("/", host), schemes=WEB)))
            assert (type(error), error.code) == (InvalidInput, "ADDRESS_REFUSED")
        assert receiver.requests == []
        open_guard = Outbound(allow_loopback=True)
        assert asyncio.run(open_guard.send(HttpRequest("GET", receiver.url("/", "localhost")))).status == 200
        # Loopback, and nothing else.
        for address in ("10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "0.0.0.0"):
            private = Outbound(resolver=names(hooks_example=address), allow_loopback=True)
            assert refusal("https://hooks.example/", private) == "ADDRESS_REFUSED"
        assert refusal(
            "http://hooks.example/", Outbound(resolver=names(hooks_example=PUBLIC), allow_loopback=True)
        ) == ("INVALID_URL")


def test_the_server_that_we_are_part_of_is_never_called() -> None:
    with Receiver() as receiver, Receiver() as other:
        guard = Outbound(
            resolver=names(localhost="127.0.0.1", hooks_example="127.0.0.1", hub_example=PUBLIC), allow_loopback=True
        )
        guard.protect(receiver.url("/user/me/"))
        guard.protect("https://hub.example/user/me/")
        for host in ("127.0.0.1", "localhost", "hooks.example", "[::ffff:127.0.0.1]", "[::1]", "127.0.0.2"):
            assert refusal(receiver.url("/x", host), guard) == "ADDRESS_REFUSED", host
        assert refusal("https://hub.example/anything", guard) == "ADDRESS_REFUSED"
        assert refusal(other.url(), guard) is None


def test_an_address_of_this_machine_is_refused_even_where_it_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = []

    class Own(socket.socket):
        def bind(self, address: Any) -> None:
            bound.append(address[0])

    assert refusal("https://hooks.example/") is None
    monkeypatch.setattr(socket, "socket", Own)
    guard = Outbound(resolver=names(hooks_example=PUBLIC))
    loop = asyncio.new_event_loop()
    with pytest.raises(InvalidInput) as refused:
        loop.run_until_complete(guard.check("https://hooks.example/"))
    loop.close()
    assert (refused.value.code, bound) == ("ADDRESS_REFUSED", [PUBLIC])


# -- redirects ---------------------------------------------------------------------------------------------------


def to(*locations: str, status: int = 302) -> Callable[[Received], Reply]:
    """Answer with one redirect after the other, then with a page."""
    left = iter(locations)

    def answer(_request: Received) -> Reply:
        location = next(left, None)
        return Reply(200, body=b"here") if location is None else Reply(status, (("Location", location),))

    return answer


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "https://127.0.0.1/", "//127.0.0.1/", "http://localhost/", "http://[::1]/",
        "http://2130706433/",
        "http://0x7f.1/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
        "http://metadata.google.internal/", "http://inside.example/", "https://a:b@out.example/", "file:///etc/passwd",
        "gopher://out.example/", "http://out.example:22/",
    ],
)  # fmt: skip
def test_a_redirect_is_an_address_like_any_other(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    async def exchange(_request: Any, target: Any, addresses: Sequence[str], _trust: Any) -> HttpReply:
        called.append((target.host, *addresses))
        return HttpReply(302, {"location": location}, b"")

    monkeypatch.setattr(wire, "exchange", exchange)
    guard = Outbound(resolver=names(hooks_example=PUBLIC, out_example=PUBLIC, inside_example="10.1.2.3"))
    error = failed(guard.send(HttpRequest("GET", "http://hooks.example/", schemes=WEB, redirects=3)))
    assert isinstance(error, InvalidInput)
    assert called == [("hooks.example", PUBLIC)]


def test_redirects_are_counted() -> None:
    guard = Outbound(allow_loopback=True)
    for number, found in ((3, "here"), (4, "HTTP_TOO_MANY_REDIRECTS")):
        with Receiver(to(*(f"/{n}" for n in range(number)))) as receiver:
            request = HttpRequest("GET", receiver.url("/first"), schemes=WEB, redirects=3)
            if number == 3:
                assert asyncio.run(guard.send(request)).text == found
                assert [r.path for r in receiver.requests] == ["/first", "/0", "/1", "/2"]
            else:
                assert failed(guard.send(request)).code == found
                assert len(receiver.requests) == 4


def test_no_redirect_is_followed_where_none_is_allowed() -> None:
    with Receiver(to("/next")) as receiver:
        reply = asyncio.run(Outbound(allow_loopback=True).send(HttpRequest("POST", receiver.url())))
        assert (reply.status, len(receiver.requests)) == (302, 1)


@pytest.mark.parametrize(
    ("status", "method", "second", "body"),
    [
        (301, "POST", "GET", b""), (302, "POST", "GET", b""), (303, "PUT", "GET", b""), (302, "PUT", "PUT", b"b"),
        (307, "POST", "POST", b"b"), (308, "PATCH", "PATCH", b"b"),
    ],
)  # fmt: skip
def test_what_is_sent_after_a_redirect(status: int, method: str, second: str, body: bytes) -> None:
    headers = {"Authorization": "Bearer x", "Content-Type": "text/plain", "X-Api-Key": "y"}
    with Receiver() as other, Receiver(lambda _: Reply(status, (("Location", other.url("/there")),))) as receiver:
        guard = Outbound(allow_loopback=True)
        request = HttpRequest(method, receiver.url(), headers, b"b", schemes=WEB, redirects=3)
        assert asyncio.run(guard.send(request)).status == 200
        (received,) = other.requests
        assert (received.method, received.path, received.body) == (second, "/there", body)
        assert not {"authorization", "x-api-key"} & set(received.headers), "another origin is told no secret"
        assert receiver.requests[0].headers["authorization"] == "Bearer x"
        assert ("content-type" in received.headers) is bool(body)


def test_a_redirect_within_an_origin_keeps_what_was_sent() -> None:
    with Receiver(to("/next?x=1#part", status=307)) as receiver:
        request = HttpRequest("POST", receiver.url(), {"X-Api-Key": "y"}, b"b", schemes=WEB, redirects=1)
        asyncio.run(Outbound(allow_loopback=True).send(request))
        assert [(r.path, r.headers["x-api-key"], r.body) for r in receiver.requests] == [
            ("/", "y", b"b"),
            ("/next?x=1", "y", b"b"),
        ]


def test_no_redirect_leads_from_tls_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def exchange(*_args: Any) -> HttpReply:
        return HttpReply(302, {"location": "http://hooks.example/"}, b"")

    monkeypatch.setattr(wire, "exchange", exchange)
    guard = Outbound(resolver=names(hooks_example=PUBLIC))
    error = failed(guard.send(HttpRequest("GET", "https://hooks.example/", schemes=WEB, redirects=3)))
    assert error.code == "INVALID_URL"


# -- what comes back ---------------------------------------------------------------------------------------------


def sent(receiver: Receiver, **about: Any) -> HttpReply:
    return asyncio.run(Outbound(allow_loopback=True).send(HttpRequest("GET", receiver.url(), **about)))


def test_a_body_is_read_up_to_its_limit() -> None:
    for size, whole in ((99, True), (100, True), (101, False)):
        with Receiver(lambda _, size=size: Reply(body=b"x" * size)) as receiver:
            reply = sent(receiver, max_bytes=100)
            assert (len(reply.body), reply.is_whole) == (min(size, 100), whole)


def test_a_body_without_end_is_not_waited_for() -> None:
    with Receiver(lambda _: Reply(body=itertools.repeat(b"x" * 1000))) as receiver:
        reply = sent(receiver, max_bytes=5000)
        assert (len(reply.body), reply.is_whole) == (5000, False)


def slow(_request: Received) -> Reply:
    def pieces() -> Iterator[bytes]:
        import time

        for _ in range(200):
            yield b"x"
            time.sleep(0.02)

    return Reply(200, (("Content-Length", "200"),), pieces())


def test_a_slow_body_is_given_up() -> None:
    with Receiver(slow) as receiver:
        error = failed(Outbound(allow_loopback=True).send(HttpRequest("GET", receiver.url(), seconds=0.3)))
        assert (error.code, error.retryable) == ("HTTP_TIMEOUT", True)  # type: ignore[attr-defined]


def test_a_slow_body_that_nobody_wants_does_not_matter() -> None:
    with Receiver(slow) as receiver:
        reply = sent(receiver, wants_body=False)
        assert (reply.status, reply.is_whole) == (200, False)


def test_a_peer_that_is_not_there_or_speaks_otherwise() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        error = failed(Outbound(allow_loopback=True).send(HttpRequest("GET", url)))
        assert (type(error), error.code) == (ProviderError, "HTTP_UNREACHABLE")

    async def other() -> None:
        async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready\r\n")
            writer.close()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await Outbound(allow_loopback=True).send(HttpRequest("GET", f"http://127.0.0.1:{port}/"))

    error = failed(other())
    assert (type(error), error.code) == (OutputInvalid, "HTTP_BAD_ANSWER")


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", "é".encode("latin-1"), "é"),
        ('text/html; charset="utf-16"', "é".encode("utf-16"), "é"),
        ("text/plain; charset=nonsense", "é".encode(), "é"),
        ("application/octet-stream", b"\xff", "\ufffd"),
    ],
)
def test_text_of_a_body(media_type: str, body: bytes, text: str) -> None:
    with Receiver(lambda _: Reply(headers=(("Content-Type", media_type),), body=body)) as receiver:
        assert sent(receiver).text == text


def test_what_every_request_says() -> None:
    with Receiver() as receiver:
        sent(receiver)
        sent(receiver, headers={"user-agent": "mine"})
        first, second = (request.headers for request in receiver.requests)
        assert first["user-agent"] == "BuilderStudio/1"
        assert first["accept-encoding"] == "identity", "nothing is unpacked, so nothing can burst"
        assert second["user-agent"] == "mine"
