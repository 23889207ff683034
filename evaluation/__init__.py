"""Measure what attacks and corruptions leave of a classifier's accuracy, under both label sets.

`evaluate` is the command `python -m evaluation.run` as a function.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        from evaluation.run import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
