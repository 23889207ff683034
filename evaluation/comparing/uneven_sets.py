"""Sets that differ between two runs: they failed in one, or were made differently there.

A set missing because an attack crashed never counts as robustness (R24), so nothing that needs such
a set may be compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.results.run import FinishedRun

Identity = tuple[str, str, str]


@dataclass(frozen=True)
class UnevenSet:
    """An attack on a model, or a corruption.

    Attributes:
        model: id; empty for a corruption that concerns all models.
        attacked_labels: empty for a corruption.
        perturbation: its name.
        reason: why it is not comparable; completes a sentence that begins with the name.
    """

    model: str
    attacked_labels: str
    perturbation: str
    reason: str


def uneven_sets(before: FinishedRun, after: FinishedRun) -> Iterator[UnevenSet]:
    """Find them in two manifests, of whatever attacks and corruptions the runs had."""
    old, new = _made(before), _made(after)
    for identity in dict.fromkeys([*old, *new]):
        states = old.get(identity), new.get(identity)
        failed = [
            str(run.folder)
            for run, state in zip((before, after), states, strict=True)
            if state and state[0] == "error"
        ]
        if failed:
            yield UnevenSet(*identity, f"failed in {' and '.join(failed)}")
        elif states[0] != states[1]:
            yield UnevenSet(
                *identity,
                "was possible in only one run, or used other surrogates or other weights of them",
            )


def _made(run: FinishedRun) -> dict[Identity, tuple[str, list[str]]]:
    """Status of each set, errors first, and the surrogates of a black box with their weights.

    Scoring may find an error in a set that was made (`evaluation/figures/impossible.py`).
    """
    found: dict[Identity, tuple[str, list[str]]] = {}
    results = run.results[(run.results.status == "error") & (run.results.attacked_labels != "")]
    for row in results.itertuples():
        found[str(row.model), str(row.attacked_labels), str(row.perturbation)] = "error", []
    for entry in run.manifest["perturbations"]:
        if entry.get("shown"):  # a transfer set: not part of any compared figure
            continue
        identity = entry["model"], entry["attacked_labels"], entry["perturbation"]
        if found.get(identity, ("", []))[0] != "error":
            found[identity] = entry["status"], surrogates(run, entry)
    return found


def surrogates(run: FinishedRun, entry: Mapping[str, Any]) -> list[str]:
    """The models that made the images of a set for a black box: `vgg_small.fer (41c2a9d0)`.

    Args:
        run: the run that made the set.
        entry: of the set, in the run's manifest.

    Returns:
        Ids, and the beginning of their weights' hash; runs of earlier versions tell it only of
        models that they measured too.
    """
    models, names = run.manifest["models"], entry.get("sources", [])
    hashes = entry.get("sources_sha256") or [
        models[name]["weights_sha256"] if name in models else "" for name in names
    ]
    pairs = zip(names, hashes, strict=True)
    return [f"{name} ({weights[:8]})" if weights else name for name, weights in pairs]
