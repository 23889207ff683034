"""One request to a service: retried with back-off, limited in time and size, never redirected."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import (
    HTTPError,
    InvalidHeader,
    LocationParseError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,
)

from datasets.base.errors import InputError
from fer_models.classifier import ModelError
from fer_models.services.request_body import Body
from fer_models.services.service_file import ServiceFile

MOST_BYTES = 4 * 2**20
"""Of an answer."""
LONGEST_WAIT = 120.0
"""Seconds that a service may ask to wait before the next try."""
BACKOFF = 0.5
"""Seconds; the second pause is twice as long, every further one twice that before."""
_CHUNK = 2**16


class Answered(NamedTuple):
    """The body of an answer, and how often the request was sent again before it came."""

    data: bytes
    retried: int


class Client:
    """Sends requests to one service from any number of threads.

    Args:
        name: of the model, for errors.
        file: where the service is, and how patient to be.
        sleep: waits so many seconds.

    Raises:
        InputError: an environment variable of `headers_from` is not set.
    """

    def __init__(
        self, name: str, file: ServiceFile, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._name, self._file, self._sleep = name, file, sleep
        self._headers = _headers(name, file)
        self._pool = PoolManager(maxsize=file.parallel)
        self._retry = Retry(
            total=file.tries - 1,
            allowed_methods=None,
            backoff_factor=BACKOFF,
            backoff_jitter=BACKOFF,
            backoff_max=LONGEST_WAIT,
        )

    def post(self, body: Body) -> Answered:
        """Send a request until it is answered; 429, 5xx and failed connections are tried again.

        Raises:
            ModelError: it was not answered within all tries, asked to wait for long, was refused,
                redirected, or the answer is too large.
        """
        retry, why = self._retry, ""
        while True:
            response = None
            try:
                response = self._send(body)
                if not _is_temporary(response.status):
                    return Answered(self._read(response), len(retry.history))
                why = f"status {response.status}"
            except (SSLError, LocationParseError) as error:
                raise self.error(f"cannot be asked: {_words(error)}. Correct its url") from error
            except HTTPError as error:
                why = _words(error)
            finally:
                if response is not None:  # whatever was left unread is not waited for
                    response.close()
                    response.release_conn()
            try:
                retry = retry.increment("POST", "", response=response, error=None)
            except MaxRetryError as error:
                raise self.error(
                    f"did not answer in {self._file.tries} tries; the last ended with {why}. Start "
                    "or restart the service and run again; --resume continues a run"
                ) from error
            self._pause(retry, response)

    def _send(self, body: Body) -> BaseHTTPResponse:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "deadpan",
            **self._headers,
            "Content-Type": body.media_type,
        }
        return self._pool.urlopen(
            "POST",
            self._file.url,
            body=body.data,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(connect=self._file.timeout, read=self._file.timeout),
        )

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """The body of a final answer."""
        status = response.status
        if 300 <= status < 400:
            raise self.error("redirects, which is not followed. Give the final address as url")
        if status in (401, 403):
            raise self.error(f"refuses access (status {status}). Give a valid key by headers_from")
        data, deadline = b"", time.monotonic() + self._file.timeout
        for chunk in response.stream(_CHUNK, decode_content=False):
            data += chunk
            if len(data) > MOST_BYTES:
                raise self.error(
                    f"answers more than {MOST_BYTES // 2**20} MiB. Correct its url or the service"
                )
            if time.monotonic() > deadline:
                raise TimeoutError(f"no whole answer within {self._file.timeout:g} s")
        if not 200 <= status < 300:
            text = " ".join(data[:200].decode("utf-8", "replace").split())
            plain = "".join(letter for letter in text if letter.isprintable())[:100]
            said = f" with {plain!r}" if plain else ""
            raise self.error(
                f"refuses the request: status {status}{said}. Correct how its contract sends images"
            )
        return data

    def _pause(self, retry: Retry, response: BaseHTTPResponse | None) -> None:
        """Wait as long as the service asks, else longer after every try."""
        asked = None
        if response is not None:
            with suppress(InvalidHeader):  # then as if it had not asked
                asked = retry.get_retry_after(response)
        if asked is not None and asked > LONGEST_WAIT:
            raise self.error(
                f"asks to wait {asked:.0f} s (status {response.status if response else 0}). "
                "Continue later with --resume"
            )
        self._sleep(retry.get_backoff_time() if asked is None else asked)

    def error(self, words: str) -> ModelError:
        """A failure of the service in one line; a key that it repeats is not told."""
        for value in self._headers.values():
            for part in (value, *value.split()):
                words = words.replace(part, "***")
        return ModelError(f"{self._name}: the service at {self._file.shown_url} {words}.")


def _is_temporary(status: int) -> bool:
    return status == 429 or status >= 500


def _headers(name: str, file: ServiceFile) -> dict[str, str]:
    """Headers with their values from the environment, which are never shown or written."""
    for header, variable in file.headers_from.items():
        if not os.environ.get(variable, "").strip():
            raise InputError(
                f"{name}: its header {header} comes from the environment variable {variable}, "
                "which is not set. Set it."
            )
    return {header: os.environ[variable].strip() for header, variable in file.headers_from.items()}


def _words(error: Exception) -> str:
    """What went wrong with a connection, without addresses of objects."""
    if isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError):
        return "no answer in time"
    if isinstance(error, ProtocolError):
        return "a connection that broke off"
    detail = " ".join(str(error).split()).rpartition(": ")[2]
    return f"no connection ({detail})" if detail else "no connection"
