"""Where a webhook may lead: a server that posts wherever it is told must not be a way into its own network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ..errors import InvalidInput, Refused

MOST_CHARACTERS = 2_000
PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_NEVER = (
    *("169.254.0.0/16", "fe80::/10"),  # link-local, where clouds hand out credentials to whoever asks from within
    *("fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24"),  # AWS, Alibaba, Azure, Oracle
    *("64:ff9b:1::/48", "fec0::/10"),  # translation within one network (RFC 8215), and its addresses of old (RFC 3879)
)
_METADATA = tuple(map(ipaddress.ip_network, _NEVER))

_COMPATIBLE = ipaddress.ip_network("::/96")
"""IPv6 addresses that end in one of IPv4 (RFC 4291, 2.5.5.1): of no use today, yet some systems follow them."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

LIFT = "add it to FEEDBACK_WEBHOOK_HOSTS if it is meant"


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached beside the public network.

    private: this machine and private networks. hosts: names, addresses and networks that may be all the same.
    """

    private: bool
    hosts: tuple[str, ...] = ()


def checked_url(url: str, reach: Reach) -> str:
    """An address as it is stored. Raises InvalidInput, or Refused for an address that may not be reached.

    Names are not resolved here: what one means is decided by each connection anew, see `pinned`.
    """
    url = url.strip()
    if not 1 <= len(url) <= MOST_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        shown = f"{url[:80]!r}{'...' if len(url) > 80 else ''}"
        raise InvalidInput(f"url={shown}: give 1 to {MOST_CHARACTERS:,} characters of ASCII without spaces.")
    parts = _parts(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("The url holds a user name or password: leave it out, every message is signed instead.")
    if parts.fragment:
        raise InvalidInput(f"url={url[:80]!r} has a fragment (#...), which is never sent: leave it out.")
    host = parts.hostname or ""
    if (address := _literal(host)) is not None and (why := refusal(host, address, reach)):
        raise Refused(why)
    return url


def pinned(url: str, reach: Reach, resolve: Resolve) -> tuple[SplitResult, str, int]:
    """The parts of an address with the one IP address and port to connect to. Raises Refused or OSError.

    Whoever connects takes this address and does not ask for the name again: a second answer could be another one.
    A name is refused when any of its addresses is.
    """
    parts = _parts(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    found = resolve(host, port)
    for each in found:
        if why := refusal(host, ipaddress.ip_address(each), reach):
            raise Refused(why)
    return parts, found[0], port


def refusal(host: str, address: Address, reach: Reach) -> str:
    """Why an address must not be connected to; empty when it may. host: the name it was found by."""
    meant = _embedded(address)
    told = f"{host} is {meant}" if host != str(meant) else str(meant)
    translated = _within(meant, (_COMPATIBLE,)) and not meant.is_loopback
    if meant.is_unspecified or meant.is_multicast or translated or _within(meant, _METADATA):
        return f"{told}: link-local, metadata and multicast addresses are never sent to. Name another receiver."
    if meant.is_global or reach.private or _listed(host, meant, reach.hosts):
        return ""
    return f"{told}, which is not on the public network: {LIFT}."


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of a name, without zones. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]).partition("%")[0] for each in found]


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"url={url[:80]!r} is no address ({error}): write https://host/path.") from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise InvalidInput(f"url={url[:80]!r} is not taken: write https://host/path, or http:// within one network.")
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _within(address: Address, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _listed(host: str, address: Address, hosts: Sequence[str]) -> bool:
    return host.lower() in hosts or _within(address, [known for each in hosts if (known := _network(each)) is not None])


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
