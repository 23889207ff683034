"""Models of others in a run: contracts found where none is given, and names that tell them apart.

A contract that was found is kept in the run's folder, `contracts/NAME.json`, so that a resumed run
reads the model the same way; nothing is written beside the model.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from datasets.faceset import FaceSet
from evaluation.stages.run_folder import CONTRACTS
from fer_models.classifier import Classifier
from fer_models.foreign.contract_file import (
    ContractFile,
    find_contract,
    read_contract,
    write_contract,
)
from fer_models.foreign.contract_probe import FACES, Finding, UnsureError, probe_on
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import is_foreign, short_name
from fer_models.zoo import split_defences

MORE_FACES = 3 * FACES
"""Faces of a second probe, where the first cannot tell."""
Contracts = dict[str, ContractFile]
"""Contract of each foreign model, by path, that has none beside it."""


def contracts_of(
    models: Iterable[str], faces: FaceSet, folder: Path, log: Callable[[str], object]
) -> Contracts:
    """Find the contracts that are missing, or read those found by the run before.

    Args:
        models: ids, folders and paths of a run, defences included.
        faces: labelled; as many as there are.
        folder: of the run, which need not exist.
        log: told what was found.

    Raises:
        InputError: a contract cannot be told.
    """
    found: Contracts = {}
    for path in dict.fromkeys(split_defences(model)[0] for model in models):
        if not is_foreign(path) or find_contract(Path(path)) or path in found:
            continue
        kept = _kept(path, folder)
        if kept.exists():
            found[path] = read_contract(kept)
            continue
        finding, lines = _probe(path, faces)
        log("\n".join(["no contract stands beside a model; found by probing it:", *lines]))
        found[path] = finding.file
    return found


def _probe(path: str, faces: FaceSet) -> tuple[Finding, list[str]]:
    """Probe on some faces and, when they do not tell, on more."""
    raw = open_model(path)
    try:
        return probe_on(raw, faces)
    except UnsureError:
        return probe_on(raw, faces, MORE_FACES)


def keep_contracts(found: Contracts, folder: Path) -> None:
    """Write found contracts into the folder of the run."""
    for path, file in found.items():
        kept = _kept(path, folder)
        kept.parent.mkdir(exist_ok=True)
        write_contract(file, kept)


def name_apart(classifiers: Iterable[Classifier]) -> None:
    """Number the ids that stand twice: `net`, `net-2`."""
    used: set[str] = set()
    for classifier in classifiers:
        base, plus, defences = classifier.id.partition("+")
        number = 1
        while classifier.id in used:
            number += 1
            classifier.id = f"{base}-{number}{plus}{defences}"
        used.add(classifier.id)


def _kept(path: str, folder: Path) -> Path:
    """Where the found contract of a model is kept; its whole path is in the name."""
    digest = sha256(str(Path(path).absolute()).encode()).hexdigest()[:8]
    return folder / CONTRACTS / f"{short_name(path).replace(':', '.')}-{digest}.json"
