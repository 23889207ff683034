"""Check that the models of a run have not changed since it began.

A hash of files misses weights that code reads from elsewhere, so the logits of fixed images are
stored (`fer_models/identity.py`). Writes `fingerprints.json` of a run; read at its end, when it is
resumed and when its figures are rebuilt. Sets of attacked images store their own, see
`attacks/sets/task.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from evaluation.checks.rules import Check, check, failed_check
from evaluation.listener import is_result
from evaluation.results.outside import measured_as
from evaluation.results.run import FinishedRun
from evaluation.results.schema import AT_THE_END, FINGERPRINTS
from evaluation.stages.foreign_models import kept_contracts, refuse_other_contract
from evaluation.stages.residence import Residence
from fer_models.classifier import Classifier
from fer_models.foreign.names import is_foreign
from fer_models.identity import (
    CHANGED,
    Fingerprints,
    changed_share,
    fingerprint,
    read_fingerprints,
    same_answers,
    share_of_another,
    write_fingerprints,
)
from fer_models.services.service import BudgetError
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import load, shipped_id, split_defences


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
        kept = read_fingerprints(path)
        for name in kept.keys() & failed.keys():
            raise InputError(
                f"{folder}: the model {name} answered when the run began and fails now: "
                f"{failed[name]}"
            )
        _check(kept, now, folder)
        return
    write_fingerprints(now, path)


def check_again(classifiers: Sequence[Classifier], folder: Path) -> list[Check]:
    """R11 at the end of a run: whether each model still answers as when it began.

    A run with a model that changed can't be resumed: some of what it keeps is of another model.
    Shipped models are left out, as nothing but their weights decides, and so are random ones.

    Args:
        classifiers: models of the run, in any order.
        folder: the run's.
    """
    path = folder / FINGERPRINTS
    kept = read_fingerprints(path) if path.exists() else {}
    residence, checks = Residence(len(classifiers)), list[Check]()
    for classifier in classifiers:
        if classifier.id not in kept or shipped_id(innermost(classifier).weights_sha256):
            continue
        try:
            now = fingerprint(classifier, "at the end")
        except BudgetError as error:
            checks.append(_not_asked(classifier, error))
            continue
        except Exception as error:  # R24: it answered when the run began
            if not is_result(error):
                raise
            checks.append(failed_check(classifier, "R11", AT_THE_END, error))
            continue
        finally:
            residence.used(classifier)
        checks.append(_compared(classifier, kept[classifier.id], now))
    changed = [entry["model"] for entry in checks if entry["status"] == "flagged"]
    if changed:
        write_fingerprints(kept | dict.fromkeys(changed, CHANGED), path)
    return checks


def _not_asked(classifier: Classifier, error: BudgetError) -> Check:
    """The check of a service that may not be asked any more: it is not flagged."""
    words = (
        "Whether the service gives the same answers as when the run began was not checked at its "
        f"end. {error}"
    )
    return check(classifier.id, "R11", AT_THE_END, False, np.nan, np.nan, words)


def _compared(classifier: Classifier, before: np.ndarray, now: np.ndarray) -> Check:
    """The check of a model with its fingerprints when the run began and at its end."""
    share, threshold = changed_share(before, now), share_of_another(now)
    changed = share >= threshold
    words = "The model gives the same logits as when the run began."
    if changed:
        words = (
            "The model gives other logits at the end of the run than at its beginning, so its "
            "figures are of several models and it has no rank. Make it answer an image the same "
            "way every time, and start a new run."
        )
    return check(classifier.id, "R11", AT_THE_END, changed, share, threshold, words)


def check_finished(run: FinishedRun) -> list[str]:
    """Compare the foreign models of a finished run, as they are now, with those it measured.

    Shipped models are left out: their card has the hash of their weights.

    Returns:
        Models that were not compared, with the reasons; none for a run of an older version.

    Raises:
        InputError: a model gives other logits than when the run began, or its contract file says
            something else.
    """
    path = run.folder / FINGERPRINTS
    if not path.exists():
        return []
    given = {name: str(entry["given_as"]) for name, entry in run.manifest["models"].items()}
    foreign = {name: model for name, model in given.items() if is_foreign(split_defences(model)[0])}
    contracts = kept_contracts(foreign.values(), run.folder)
    loaded, left_out = [], []
    for name, model in foreign.items():
        base, _ = split_defences(model)
        try:
            classifier = load(model, contracts.get(base))
        except InputError as error:  # moved or deleted since: the figures can still be rebuilt
            left_out.append(f"{name}: {error}")
            continue
        if base in contracts:
            refuse_other_contract(base, run.folder)
        classifier.id = name
        loaded.append(classifier)
    failed: dict[str, str] = {}
    kept, now = read_fingerprints(path), fingerprints_of(loaded, failed)
    left_out += [f"{name}: {reason}" for name, reason in failed.items() if name in kept]
    changed = {name for name in kept if not kept[name].size}
    left_out += [f"{name}: it changed during the run" for name in changed if name in foreign]
    compared = {c.id for c in loaded} & kept.keys() - failed.keys() - changed
    _check({name: kept[name] for name in compared}, now, run.folder)
    return left_out


def check_measured(run: FinishedRun, classifier: Classifier) -> None:
    """Refuse a model with other answers than the one that a finished run measured.

    Their hash is the same, but it misses weights that code reads from elsewhere.

    Raises:
        InputError: the model gives other logits than when the run began.
    """
    name = measured_as(run, classifier)
    if name in run.fingerprints:
        kept = {name: run.fingerprints[name]}
        _check(kept, {name: fingerprint(classifier)}, run.folder)


def _check(kept: Fingerprints, now: Fingerprints, folder: Path) -> None:
    for name, before in kept.items():
        if name not in now or not same_answers(before, now[name]):
            raise InputError(
                f"{folder}: the model {name} gives other logits than when the run began, though "
                "its files are the same. Restore what it reads, or start a new run."
            )
