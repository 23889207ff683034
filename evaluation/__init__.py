"""Measure how much accuracy a classifier keeps under attacks and corruptions, on both label sets.

`evaluate` does what the command `python -m evaluation.run` does, from Python.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.api import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        from evaluation.api import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
