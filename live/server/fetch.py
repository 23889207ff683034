"""Fetch an image from the web without access to this machine's own network.

Every address a name resolves to must be public, also after each redirect, and the connection goes
to exactly the address that was checked, so a changed DNS reply has no effect.
"""

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import SplitResult, urljoin, urlsplit

from live.server.images import DAMAGED, MOST_BYTES, TOO_LARGE, ImageError

MOST_REDIRECTS = 3
SECONDS = 8.0
PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_REFUSED = 403


def fetch(url: str) -> bytes:
    """Fetch the bytes at a URL.

    Raises:
        ImageError: not http or https on its usual port, a private address, too many redirects, too
            large, or nothing there.
    """
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        try:
            answer = _get(parts)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"{parts.hostname} does not respond properly.", DAMAGED) from None
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise ImageError(f"The URL redirects more than {MOST_REDIRECTS} times.", DAMAGED)


def public_address(host: str, port: int) -> str:
    """Resolve a host to one of its addresses.

    Raises:
        ImageError: unknown host, or one of its addresses is not public.
    """
    try:
        found = {
            str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        }
    except (OSError, UnicodeError):
        raise ImageError(f"No such host: {host[:80]}.", DAMAGED) from None
    for address in found:
        if not is_public(address):
            raise ImageError(
                f"{host[:80]} is a private address; those are never fetched.", _REFUSED
            )
    return sorted(found)[0]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inside = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if getattr(ip, "teredo", None) or (inside is not None and not is_public(str(inside))):
        return False
    return ip.is_global and not ip.is_multicast


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usual = PORTS.get(parts.scheme)
        wrong = usual is None or parts.port not in (None, usual) or not parts.hostname
    except ValueError:
        wrong = True
    if wrong or parts.username or parts.password:
        raise ImageError("A URL must be http:// or https:// on the standard port.", DAMAGED)
    return parts


def _get(parts: SplitResult) -> bytes | str:
    """Return the body, or the location of a redirect."""
    assert parts.hostname is not None
    port = PORTS[parts.scheme]
    connection = _Pinned(parts.hostname, public_address(parts.hostname, port), parts.scheme)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "deadpan", "Accept": "image/*"})
        response = connection.getresponse()
        if response.status in _REDIRECTS:
            return response.getheader("Location", "")
        if response.status != http.client.OK:
            raise ImageError(f"{parts.hostname} responds with status {response.status}.", DAMAGED)
        data = response.read(MOST_BYTES + 1)
    finally:
        connection.close()
    if len(data) > MOST_BYTES:
        raise ImageError(f"The image is larger than {MOST_BYTES // 2**20} MB.", TOO_LARGE)
    return data


class _Pinned(http.client.HTTPConnection):
    """Connects to a checked address, under the name of its host."""

    def __init__(self, host: str, address: str, scheme: str) -> None:
        super().__init__(host, PORTS[scheme], timeout=SECONDS)
        self._address, self._secure = address, scheme == "https"

    def connect(self) -> None:
        """Open the connection."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
