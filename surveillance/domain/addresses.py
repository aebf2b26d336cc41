"""Which places this system may be told to connect to: one guard for cameras, relays, webhooks and notifications.

Private networks are where cameras live, so they are allowed. Refused are addresses at which a machine in a data center
hands out its secrets, addresses that reach no single machine, and this machine itself unless somebody who has a shell
here wrote it down. A name is judged by what it means when the connection is made, and the connection goes there.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit, urlunsplit

from surveillance.domain.errors import AddressRefused

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]  # a name and a port into IP addresses; raises OSError

PLACES = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}  # schemes that name a machine, with their ports
POSTS = ("http", "https")
_METADATA_NAMES = re.compile(r"(metadata|instance-data)(\..*)?|.*\.metadata\.(goog|google\.internal)")
_METADATA = frozenset(
    map(
        ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
_THIS_NETWORK = ip_network("0.0.0.0/8")
_RESERVED = ip_network("240.0.0.0/4")
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")  # a long deprecated way to write an IPv4 address
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_ENDS_IN_NUMBER = re.compile(r"(.*\.)?(\d+|0[xX][0-9A-Fa-f]*)\.?")  # what some programs read as an IPv4 address


def check_camera(url: str, loopback: bool = False, files: bool = False) -> None:
    """Whether a camera may be there: a place on the network or a device of this machine, and a file where `files` says.

    `loopback` allows this machine, as for what is given on the command line. Raises AddressRefused. A name is not
    looked up: that is done at each connection.
    """
    scheme, mark, _ = url.partition("://")
    if mark and scheme.lower() in PLACES:
        check_place(url, "the camera's address", loopback)
    elif not files and not re.match(r"(usb|v4l2|synthetic):|\d{1,3}(\?|$)", url.lower()):
        shown = f"{scheme}://" if mark else "a file"
        raise AddressRefused(
            f"the camera's address: {shown} is no camera; write one such as rtsp://192.168.1.20/stream1"
        )


def check_post(url: str, what: str, loopback: bool = False) -> None:
    """Whether something may be posted there: http or https, no user name or password. Raises AddressRefused."""
    parts = _split(url, what)
    if parts.scheme.lower() not in POSTS:
        raise AddressRefused(f"{what}: the address must be http(s)://host[:port]/path")
    if "@" in parts.netloc:
        raise AddressRefused(f"{what}: the address may not hold a user name or password")
    _check_host(parts.hostname or "", what, loopback)


def check_place(url: str, what: str, loopback: bool = False) -> None:
    """Whether the host of a URL may be connected to, whatever its scheme. Raises AddressRefused."""
    _check_host(_split(url, what).hostname or "", what, loopback)


def look_up(host: str, port: int) -> list[str]:
    """The system's answer to a name. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def permitted(host: str, port: int, what: str, resolve: Resolve = look_up) -> list[str]:
    """The IP addresses that a connection to that host may go to, best first.

    Only whoever writes this machine's own address or `localhost` may mean this machine: a name that turns out to mean
    it was made to. Raises AddressRefused, and OSError for a name that nobody knows.
    """
    _check_host(host, what, loopback=True)
    loopback = _is_loopback_name(host)
    found = [address for address in resolve(host, port) if _fault_of(_parsed(address), loopback) is None]
    if not found:
        raise AddressRefused(f"{what}: {host} leads to an address that must not be connected to; write another")
    return found


def connect(host: str, port: int, timeout_s: float, what: str, resolve: Resolve = look_up) -> socket.socket:
    """An open TCP connection to one of the permitted addresses. Raises AddressRefused and OSError."""
    failed: OSError | None = None
    for address in permitted(host, port, what, resolve):
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failed = error
    raise failed or OSError("no address")


def pinned(url: str, what: str, resolve: Resolve = look_up) -> str:
    """The same URL with a permitted IP address in place of its host, for programs that look names up themselves.

    Raises AddressRefused and OSError.
    """
    parts = _split(url, what)
    host = parts.hostname or ""
    address = permitted(host, parts.port or PLACES.get(parts.scheme.lower(), 0), what, resolve)[0]
    if address == host:
        return url
    login, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit(parts._replace(netloc=f"{login}{at}{f'[{address}]' if ':' in address else address}{port}"))


# --- the judgement -------------------------------------------------------------------------------------------------


def _split(url: str, what: str) -> SplitResult:
    if not url.isprintable() or "\\" in url or any(letter.isspace() for letter in url):
        raise AddressRefused(f"{what}: the address may hold only plain characters without spaces")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError:  # its text would repeat what may be part of a password
        raise AddressRefused(
            f"{what}: it cannot be taken apart; write scheme://host[:port]/path, and a / in a password as %2F"
        ) from None
    if not parts.hostname:
        raise AddressRefused(f"{what}: it names no host; write scheme://host[:port]/path")
    return parts


def _check_host(host: str, what: str, loopback: bool) -> None:
    """Judges what is written: an IP address by what it is, a name by how it looks."""
    address = _parsed(host)
    if address is None and _ENDS_IN_NUMBER.fullmatch(host):
        raise AddressRefused(f"{what}: write {host} as an IP address such as 192.168.1.20")
    if address is None and not _NAME.fullmatch(host):
        raise AddressRefused(f"{what}: {host!r} is no host name; use letters, digits, dots and -")
    if _METADATA_NAMES.fullmatch(host.lower().rstrip(".")):
        raise AddressRefused(f"{what}: {host} hands out secrets of a machine in a data center")
    if address is None and _is_loopback_name(host) and not loopback:
        raise AddressRefused(f"{what}: {host} is this machine; dashboard.allow_loopback permits that")
    fault = None if address is None else _fault_of(address, loopback)
    if fault is not None:
        raise AddressRefused(f"{what}: {host} {fault}")


def _is_loopback_name(host: str) -> bool:
    address = _parsed(host)
    if address is not None:
        return any(each.is_loopback for each in _meant(address))
    return bool(re.fullmatch(r"(.*\.)?localhost\.?", host.lower()))


def _parsed(host: str) -> IpAddress | None:
    """An IP address in its plain form; None for a name and for 127.1, 0x7f000001 and the like."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _fault_of(address: IpAddress | None, loopback: bool) -> str | None:
    """What is wrong with connecting there; None for nothing."""
    if address is None:
        return "is no address"
    for each in _meant(address):
        if each.is_link_local or each in _METADATA:
            return "is a link-local or metadata address, which may hand out secrets"
        if each.is_multicast or each.is_unspecified or each in _THIS_NETWORK or each in _RESERVED:
            return "reaches no single machine"
        if each.is_loopback and not loopback:
            return "is this machine; dashboard.allow_loopback permits that"
    return None


def _meant(address: IpAddress) -> Iterator[IpAddress]:
    """The address, and the IPv4 one that it stands for: mapped, compatible, 6to4, Teredo or NAT64."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
