"""Foreign models in a run: finding contracts that are missing, and unique names.

A contract found by the probe is kept in the run's folder, `contracts/NAME.json`, so that a resumed
run uses the same one, beside `contracts/NAME.known.json`, what was known before; nothing is written
next to the model.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from evaluation.checks.contract import labels_in, order_check
from evaluation.checks.rules import Check
from evaluation.stages.run_folder import CONTRACTS
from fer_models.classifier import Classifier, label_set_of
from fer_models.foreign.chosen_output import emotions_of
from fer_models.foreign.contract_file import (
    ContractFile,
    PartialContract,
    contract_of,
    has_whole_contract,
    known_contract,
    names_classes,
    read_contract,
    read_partial,
    write_contract,
)
from fer_models.foreign.contract_probe import UnsureError
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import contract_path, is_foreign, short_name
from fer_models.foreign.probe_faces import FACES, balanced_rows, probe_on
from fer_models.foreign.probe_report import Finding
from fer_models.hub.hugging_face import is_hugging_face
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import load, model_ids, shipped_id, split_defences

SURELY = 3
"""Standard errors by which scalings must differ in the first probe; in the second, two suffice."""
MORE_FACES = 3 * FACES
"""Faces of a second probe, when the first is inconclusive."""
Contracts = dict[str, ContractFile]
"""Contract of each foreign model, by path, that has no contract file."""


def contracts_of(
    models: Iterable[str],
    faces: FaceSet,
    folder: Path,
    log: Callable[[str], object],
    count: int | None = None,
) -> Contracts:
    """Find missing contracts, or read those that the resumed run found.

    The classes of a Hugging Face folder are those of its own files, which are often wrong: labelled
    faces must not contradict them.

    Args:
        models: ids, folders and paths of a run, defences included.
        faces: all labelled faces of the data.
        folder: run folder, which need not exist.
        log: called with the results.
        count: number of faces for the probe; None for as many as needed.

    Raises:
        InputError: the probe finds no contract, another order of a folder's classes classifies
            significantly more faces correctly, or a contract file says something else than when
            the resumed run began.
    """
    found: Contracts = {}
    for path in dict.fromkeys(split_defences(model)[0] for model in models):
        if not is_foreign(path):
            continue
        if has_whole_contract(path):
            if is_hugging_face(path) and not names_classes(path):
                _check_named_order(path, faces)
            continue
        kept = _kept(path, folder)
        if kept.exists():
            refuse_other_contract(path, folder)
            found[path] = read_contract(kept)
            continue
        finding, lines = _probe(path, faces, count, log)
        log("\n".join(["a model has no complete contract; found by probing it:", *lines]))
        found[path] = finding.file
    return found


def _check_named_order(path: str, faces: FaceSet) -> None:
    """Refuse a folder whose `id2label` is in another order than the faces say."""
    classifier = load(path)
    label_set_of(classifier)  # refuses classes that are no emotions
    labels = labels_in(classifier.scheme, faces)
    rows = balanced_rows(labels, FACES, classifier.scheme.num_classes)
    if not len(rows):
        return
    logits = classifier.logits(faces.images[rows].astype(np.float32) / 255)
    found = order_check(classifier, logits, labels[rows], faces.groups[rows])
    if found["status"] != "ok":
        raise InputError(f"{path}: {found['message']} Write `classes` in {contract_path(path)}.")


def _probe(
    path: str, faces: FaceSet, count: int | None, log: Callable[[str], object]
) -> tuple[Finding, list[str]]:
    """Probe on `count` faces; without a count on a few and, if inconclusive, on more."""
    known = known_contract(path)
    raw = emotions_of(open_model(path), known)
    if count is not None:
        return probe_on(raw, faces, count, known, log)
    try:
        return probe_on(raw, faces, FACES, known, log, SURELY)
    except UnsureError:
        return probe_on(raw, faces, MORE_FACES, known, log)


def keep_contracts(found: Contracts, folder: Path) -> None:
    """Write found contracts to the run folder, with what was known before; those there stay."""
    for path, file in found.items():
        kept = _kept(path, folder)
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            write_contract(known_contract(path), _known_then(kept))
            write_contract(file, kept)


def kept_contracts(models: Iterable[str], folder: Path) -> Contracts:
    """Read the contracts that a run found for these models, if any."""
    paths = {split_defences(model)[0] for model in models}
    return {
        path: read_contract(_kept(path, folder)) for path in paths if _kept(path, folder).exists()
    }


def refuse_other_contract(path: str, folder: Path) -> None:
    """Refuse a model whose contract file says something else than when the run began.

    A file that has been completed must say what the run found. Runs of older versions do not hold
    what was known, and are not compared.

    Args:
        path: the model's.
        folder: of a run that has found its contract.

    Raises:
        InputError: it says something else.
    """
    kept = _kept(path, folder)
    now: ContractFile | PartialContract = known_contract(path)
    then: ContractFile | PartialContract = now
    if has_whole_contract(path):
        now, then = contract_of(path), read_contract(kept)
    elif _known_then(kept).exists():
        then = read_partial(_known_then(kept))
    fields = [name for name, value in then if value != getattr(now, name)]
    if fields:
        raise InputError(
            f"{path}: its contract must say what it said when the run in {folder} began; it says "
            f"something else of {' and '.join(fields)}. Restore it, or start a new run."
        )


def refuse_misread(
    models: Iterable[str], classifiers: Iterable[Classifier], checks: Iterable[Check]
) -> None:
    """Stop where clean faces contradict an order or a scaling that was found by probing (R25).

    What a contract file says is the user's word, and is only flagged.

    Args:
        models: ids, folders and paths of a run, defences included.
        classifiers: the same models, loaded.
        checks: of the models on clean faces.

    Raises:
        InputError: another order of the classes, or another scaling, is clearly better.
    """
    for model, classifier in zip(models, classifiers):
        path, _ = split_defences(model)
        if not is_foreign(path):
            continue
        known = known_contract(path)
        said = {"class order": known.classes is not None, "scaling": known.scaling is not None}
        for each in checks:
            wrong = each["model"] == classifier.id and each["status"] == "flagged"
            if wrong and each["rule"] == "R25" and not said.get(each["check"], True):
                raise InputError(
                    f"{path}: no contract says its {each['check']}, and what the probe found does "
                    f"not fit the faces of this run. {each['message']} Write {contract_path(path)}."
                )


def name_apart(classifiers: Iterable[Classifier]) -> None:
    """Number repeated ids, `net`, `net-2`; a shipped id belongs to the shipped weights alone."""
    used: set[str] = set()
    shipped = set(model_ids())
    for classifier in classifiers:
        base, plus, defences = classifier.id.partition("+")
        number = 1
        taken = base in shipped and shipped_id(innermost(classifier).weights_sha256) != base
        while classifier.id in used or (taken and number == 1):
            number += 1
            classifier.id = f"{base}-{number}{plus}{defences}"
        used.add(classifier.id)


def tell_apart(models: Sequence[str], classifiers: Sequence[Classifier]) -> list[str]:
    """Give each model a unique id, see `name_apart`; returns lines on those that shared one.

    Args:
        models: how each was named by the user.
        classifiers: the loaded models, in the same order.
    """
    ids = [classifier.id for classifier in classifiers]
    name_apart(classifiers)
    return [
        f"{classifier.id} is {model}"
        for model, classifier, own in zip(models, classifiers, ids, strict=True)
        if classifier.id != model and (ids.count(own) > 1 or classifier.id != own)
    ]


def _kept(path: str, folder: Path) -> Path:
    """File of a found contract; its name contains a hash of the model's full path."""
    digest = sha256(str(Path(path).absolute()).encode()).hexdigest()[:8]
    return folder / CONTRACTS / f"{short_name(path).replace(':', '.')}-{digest}.json"


def _known_then(kept: Path) -> Path:
    """File of what was known of a model before its contract was found."""
    return kept.with_suffix(".known.json")
