"""Failures of models: entries of the manifest instead of a lost run (R24)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evaluation.listener import Listener, is_result, one_line
from fer_models.classifier import Classifier

CLEAN: dict[str, Any] = {
    "perturbation": "none",
    "norm": "",
    "grid": [],
    "options": {},
    "attacked_labels": "",
}
"""Fields of a manifest entry about the clean faces."""


class Failures:
    """Errors of models, collected while the run continues.

    Attributes:
        entries: entries of the manifest's `perturbations`.
    """

    def __init__(self, listener: Listener) -> None:
        """Start without failures; the listener gets a line of text for each."""
        self.entries: list[dict[str, Any]] = []
        self._listener = listener

    @contextmanager
    def kept(
        self, classifier: Classifier, entry: dict[str, Any], told: bool = True
    ) -> Iterator[None]:
        """Turn an error of the block into a failure of the model; a user's mistake ends the run.

        Args:
            classifier: the model in use.
            entry: manifest entry of the set that it classifies.
            told: whether the listener gets a line; not where the error ends the run.
        """
        try:
            yield
        except Exception as error:  # R24: whatever a model fails with is a result
            if not is_result(error):
                raise
            message = one_line(error)
            if told:
                words = message.removeprefix(f"{classifier.id}: ")
                self._listener.line(f"{classifier.id}: failed on {_words(entry)}: {words}")
            failure = {name: entry[name] for name in CLEAN}
            failure |= {"model": classifier.id, "status": "error", "message": message}
            if entry.get("shown"):
                failure |= {"shown": True, "source": entry["model"]}
            self.entries.append(failure)


def _words(entry: dict[str, Any]) -> str:
    return "the clean faces" if entry["perturbation"] == "none" else str(entry["perturbation"])
