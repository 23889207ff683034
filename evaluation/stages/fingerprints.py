"""Check that the models of a run have not changed since it began.

A hash of files misses weights that code reads from elsewhere, so the logits of fixed images are
stored (`fer_models/identity.py`). Writes `fingerprints.json` of a run; read when the run is resumed
or its figures are rebuilt. Sets of attacked images store their own, see `attacks/sets/sweep.py`.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, words_of
from evaluation.listener import is_result
from evaluation.results.run import FinishedRun
from evaluation.stages.foreign_models import kept_contracts
from evaluation.stages.residence import Residence
from evaluation.stages.run_folder import FINGERPRINTS
from fer_models.classifier import Classifier
from fer_models.foreign.names import is_foreign
from fer_models.identity import fingerprint, same_answers
from fer_models.zoo import load, split_defences

Fingerprints = dict[str, np.ndarray]
"""Logits of fixed images, float32 (8, K), by the model's id."""


def fingerprints_of(
    classifiers: Sequence[Classifier], failed: dict[str, str] | None = None
) -> Fingerprints:
    """Run every model on the fixed images.

    Models that fail on them or are random have no fingerprint.

    Args:
        classifiers: the models.
        failed: collects the ids of those that fail, with the reason.
    """
    found, residence = {}, Residence(len(classifiers))
    for classifier in classifiers:
        try:
            first, again = fingerprint(classifier), fingerprint(classifier, "again")
        except Exception as error:  # R24: the run itself records a model that fails on faces
            if not is_result(error):
                raise
            if failed is not None:
                failed[classifier.id] = " ".join(str(error).split())
            continue
        finally:
            residence.used(classifier)
        if same_answers(first, again):
            found[classifier.id] = first
    return found


def check_or_keep(classifiers: Sequence[Classifier], folder: Path) -> None:
    """Compare the models of a resumed run with those it began with; store those of a new run.

    Raises:
        InputError: a model gives other logits than when the run began or fails, or the file is
            damaged.
    """
    failed: dict[str, str] = {}
    now, path = fingerprints_of(classifiers, failed), folder / FINGERPRINTS
    if path.exists():
        kept = _read(path)
        for name in kept.keys() & failed.keys():
            raise InputError(
                f"{folder}: the model {name} answered when the run began and fails now: "
                f"{failed[name]}"
            )
        _check(kept, now, folder)
        return
    with atomic(path) as unfinished:
        unfinished.write_text(json.dumps({name: kept.tolist() for name, kept in now.items()}))


def check_finished(run: FinishedRun) -> list[str]:
    """Compare the foreign models of a finished run, as they are now, with those it measured.

    Shipped models are left out: their card has the hash of their weights.

    Returns:
        Models that were not compared, with the reasons; none for a run of an older version.

    Raises:
        InputError: a model gives other logits than when the run began.
    """
    path = run.folder / FINGERPRINTS
    if not path.exists():
        return []
    given = {name: str(entry["given_as"]) for name, entry in run.manifest["models"].items()}
    foreign = {name: model for name, model in given.items() if is_foreign(split_defences(model)[0])}
    contracts = kept_contracts(foreign.values(), run.folder)
    loaded, left_out = [], []
    for name, model in foreign.items():
        try:
            classifier = load(model, contracts.get(split_defences(model)[0]))
        except InputError as error:  # moved or deleted since: the figures can still be rebuilt
            left_out.append(f"{name}: {error}")
            continue
        classifier.id = name
        loaded.append(classifier)
    failed: dict[str, str] = {}
    kept, now = _read(path), fingerprints_of(loaded, failed)
    left_out += [f"{name}: {reason}" for name, reason in failed.items() if name in kept]
    compared = {c.id for c in loaded} & kept.keys() - failed.keys()
    _check({name: kept[name] for name in compared}, now, run.folder)
    return left_out


def _check(kept: Fingerprints, now: Fingerprints, folder: Path) -> None:
    for name, before in kept.items():
        if name not in now or not same_answers(before, now[name]):
            raise InputError(
                f"{folder}: the model {name} gives other logits than when the run began, though "
                "its files are the same. Restore what it reads, or start a new run."
            )


def _read(path: Path) -> Fingerprints:
    try:
        kept = json.loads(path.read_text())
        with np.errstate(over="ignore"):  # infinite, and so of another model
            return {str(name): np.array(rows, np.float32) for name, rows in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the logits of the run's models, found {words_of(error)}. Start a "
            "new run."
        ) from error
