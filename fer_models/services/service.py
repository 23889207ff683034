"""A service that is asked about 8-bit images: requests side by side, answers kept, queries counted.

Not here: one request (`fer_models/services/client.py`), what pixels and outputs mean
(`fer_models/services/classifier.py`).
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_models.classifier import ModelError
from fer_models.services.answer import AnswerError, read_answer
from fer_models.services.answer_cache import AnswerCache, Queries
from fer_models.services.client import Client
from fer_models.services.request_body import request_body
from fer_models.services.service_file import ServiceFile, read_service, service_name


class BudgetError(ModelError):
    """A service was not asked, as its budget does not hold so many images more."""


class _Reply(NamedTuple):
    """Outputs float64 (n, K) of the images of one request, and how often it was sent again."""

    outputs: np.ndarray
    retried: int


class Service:
    """A service, asked once about each image.

    Args:
        name: of the model, for errors.
        file: how it is asked.
        sleep: waits so many seconds between two tries.

    Attributes:
        name: of the model.
        file: how it is asked.
    """

    def __init__(
        self, name: str, file: ServiceFile, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.name, self.file = name, file
        self._queries = Queries()
        self._client = Client(name, file, sleep)
        self._cache: AnswerCache | None = None
        self._draw, self._for_now = "", False
        self._now: dict[str, np.ndarray] = {}
        self._seconds, self._timed = 0.0, 0

    @property
    def queries(self) -> Queries:
        """How often the service was asked: in the run, if answers are kept, else by this object."""
        return self._cache.queries() if self._cache else self._queries

    @property
    def seconds_per_image(self) -> float:
        """Seconds per image that was asked about by this process; 0 before the first."""
        return self._seconds / self._timed if self._timed else 0.0

    def keep_answers(self, folder: Path) -> None:
        """Keep answers in a folder that exists, and reuse those that are there."""
        self._cache, self._now = AnswerCache(folder, self.file.sha256), {}

    @contextmanager
    def asked_anew(self, draw: str = "", kept: bool = False) -> Iterator[None]:
        """Ask about images though their answers are kept; see `Classifier.asked_anew`."""
        before = self._draw, self._for_now
        self._draw, self._for_now = draw or "now", not kept
        try:
            yield
        finally:
            self._draw, self._for_now = before

    def outputs(self, images: np.ndarray) -> np.ndarray:
        """Outputs float64 (N, K), in the order that the service has.

        Args:
            images: uint8 (N, h, w, c), as they are sent.

        Raises:
            BudgetError: the budget is used up.
            ModelError: the service fails, or its answer is not what its contract says.
        """
        draw = f"{self._draw} ".encode()
        names = [hashlib.sha256(draw + image.tobytes()).hexdigest() for image in images]
        found = self._known(names)
        missing = [row for row, name in enumerate(names) if name not in found]
        missing = list({names[row]: row for row in missing}.values())
        self._check_budget(len(missing))
        started = time.monotonic()
        for rows, reply in self._replies(images, missing):
            answers = dict(zip((names[row] for row in rows), reply.outputs))
            self._keep(answers, Queries(asked=len(rows), retried=reply.retried))
            found |= answers
        if missing:
            self._seconds += time.monotonic() - started
            self._timed += len(missing)
        if len(names) > len(missing):
            self._keep({}, Queries(from_cache=len(names) - len(missing)))
        if len({len(row) for row in found.values()}) > 1:
            raise ModelError(
                f"{self.name}: it returned different numbers of scores for different images."
            )
        return np.stack([found[name] for name in names])

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the service; no key and no query of its URL."""
        return {
            "url": self.file.shown_url,
            "sent_as": str(self.file.send),
            "image": [self.file.height, self.file.width, self.file.channels],
            "bits": 8,
            "answers": "label" if self.file.labels_only else str(self.file.output),
            "batch": self.file.batch,
            "budget": self.file.budget,
            "queries": asdict(self.queries),
        }

    def _known(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        if self._for_now:
            return {name: self._now[name] for name in names if name in self._now}
        return self._cache.read(names) if self._cache else {}

    def _keep(self, answers: dict[str, np.ndarray], more: Queries) -> None:
        self._queries += more
        if self._for_now:
            self._now |= answers
            answers = {}
        if self._cache:
            self._cache.write(answers, more)

    def _check_budget(self, count: int) -> None:
        budget = self.file.budget
        if budget is None or not count:
            return
        asked = self.queries.asked
        if asked + count > budget:
            raise BudgetError(
                f"{self.name}: its budget of {budget:,} images does not hold {count:,} more; "
                f"{asked:,} were asked about. Raise budget in its contract, then use --resume."
            )

    def _replies(
        self, images: np.ndarray, rows: Sequence[int]
    ) -> Iterator[tuple[list[int], _Reply]]:
        """Rows of each request and its reply, as they come."""
        size = self.file.batch
        parts = [list(rows[start : start + size]) for start in range(0, len(rows), size)]
        pool = ThreadPoolExecutor(min(self.file.parallel, max(len(parts), 1)))
        try:
            waiting: dict[Future[_Reply], list[int]] = {
                pool.submit(self._ask, images[part]): part for part in parts
            }
            failed: ModelError | None = None
            for future in as_completed(waiting):
                try:
                    yield waiting[future], future.result()
                except CancelledError:
                    continue
                except ModelError as error:  # what was asked already is kept
                    failed = failed or error
                    for other in waiting:
                        other.cancel()
            if failed:
                raise failed
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, images: np.ndarray) -> _Reply:
        data, retried = self._client.post(request_body(images, self.file))
        try:
            return _Reply(read_answer(data, len(images), self.file), retried)
        except AnswerError as error:
            raise self._client.error(
                f"does not keep its contract: {error}. Correct the service or its contract"
            ) from error


def open_service(name: str) -> Service:
    """Open a service by its file or URL; no request is sent yet.

    Raises:
        InputError: its file is missing or damaged, or an environment variable is not set.
    """
    return Service(service_name(name), read_service(name))
