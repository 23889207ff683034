"""A socket that gives up a connection whose other side does not read."""

import socket
import threading
from contextlib import suppress
from typing import Any


class TimedSocket:
    """A socket as `simple_websocket` uses it; messages and pings of two threads never mix."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        """Wrap a socket.

        Args:
            sock: the socket; whoever receives from it must know that there is something.
            seconds: longest time to send a message.
        """
        sock.settimeout(seconds)
        self._sock, self._sending = sock, threading.Lock()

    def send(self, data: bytes) -> int:
        """Send all of a message.

        Raises:
            OSError: it was not read in time, or the connection is closed; it is now.
        """
        with self._sending:
            try:
                self._sock.sendall(data)
            except OSError:
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)  # wakes who waits for a message
                raise
        return len(data)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the socket's own."""
        return getattr(self._sock, name)
