"""A complete run from Python: `from evaluation import evaluate`; the command uses this too.

The file is not called `evaluate.py`, because a module of that name would hide the function.
Reads data and models, passes them to `evaluation/stages/pipeline.py`, and writes manifest and
report. Heavy imports wait until the options are known to be valid.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.base.errors import InputError
from datasets.base.options import as_function
from evaluation.request import PythonRequest, RunRequest

if TYPE_CHECKING:
    from datasets.faceset import FaceSet
    from evaluation.config import RunConfig
    from evaluation.environment import Start
    from evaluation.results.run import FinishedRun
    from evaluation.stages.foreign_models import Contracts
    from fer_models.classifier import Classifier
    from fer_models.foreign.contract_file import ContractFile
    from fer_models.zoo import Description

_PRIVATE_TEST = (
    "selected on PublicTest, which is measured here; the data contain PrivateTest, on which "
    "nothing was selected: for figures to quote, use --split PrivateTest"
)
_NAMED = 3
"""Most models that a line names one by one."""


@as_function(PythonRequest)
def evaluate(request: PythonRequest) -> "FinishedRun":  # noqa: D417, the options are filled in
    """Attack classifiers, measure how much accuracy they keep, and write a report.

    Args:
        {options}

    Returns:
        The finished run: `to_frame()` returns its figures, `report` is the path of its report.

    Raises:
        InputError: an option, the data or a model is invalid.
    """
    from fer_models.given_objects import named

    models = request.models if isinstance(request.models, list | tuple) else [request.models]
    if request.contract and models:
        _check_contract(models)
    with named(models, request.contract) as names:
        return measure(replace(request, models=names), "from evaluation import evaluate")


def measure(
    request: RunRequest, command: str, check: "Callable[[RunConfig], object]" = lambda _: None
) -> "FinishedRun":
    """Carry out a request.

    Args:
        request: the options.
        command: how the run was started, for its manifest.
        check: called with the configuration before any data are read; may raise.

    Raises:
        InputError: an option, the data or a model is invalid.
    """
    from datasets.base.locks import locked
    from datasets.base.threads import has_started, limit_threads
    from datasets.base.writable import default_folder, unused_folder
    from datasets.faceset import Split
    from evaluation.configure import asked_split, configure
    from evaluation.engines.named import LOCAL, check_engine
    from evaluation.environment import Start
    from evaluation.results.run import FinishedRun
    from evaluation.stages.run_folder import (
        check_run_folder,
        holds_run,
        open_run_folder,
        run_identity,
    )
    from faces.labelled import open_faces
    from fer_models.zoo import describe

    check_engine(request.engine)
    few = request.engine != LOCAL and not has_started()  # as its workers, for the same bytes
    limit_threads(1 if few and request.threads is None else request.threads)
    start = Start.now(command)
    given = _given_sets(request)
    first = configure(request, Split.PUBLIC_TEST, ("fer",))
    check(first)
    foreign = _foreign(first)  # wrong options and missing models, before any data are read
    with start.stages.stage("reading of faces"):
        source = open_faces(request)
        faces = source.faces(asked_split(request) or source.default_split)
        if request.groups is not None:
            from datasets.subgroups import read_subgroups

            found = read_subgroups(Path(request.groups), source, faces)
            faces = replace(faces, subgroups=found)
    config = configure(request, faces.split, faces.label_sets)
    if request.labels is None and faces.votes is None and not faces.own_labels:
        _log(f"{faces.name} has {faces.label_sets[0]} labels only; FER+ votes: --votes FILE")
    folder = Path(request.out or default_folder(Path("runs") / f"{start.time:%Y-%m-%d-%H%M%S}"))
    with start.stages.stage("probes of inputs"):
        contracts = _contracts(foreign, faces, folder, request.faces)
    with start.stages.stage("near duplicates"):
        faces = source.with_near_leaks(faces.limit(config.limit, config.seed))
    known = [describe(model, _contract(model, contracts)) for model in config.models]
    identity = run_identity(config, faces, known)
    if request.out:
        check_run_folder(folder, identity, request.resume)
    if request.resume and not holds_run(folder):
        _log(f"--resume: {folder} holds no run yet, so a new one starts")
    # one that fails to load leaves no folder
    with start.stages.stage("loading of models"):
        classifiers, shared_names = _load(config.models, contracts, faces)
    private = Split.PRIVATE_TEST in source.splits
    if not request.out:
        folder = unused_folder(folder)
    with locked(folder), open_run_folder(folder, identity, request.resume):
        chosen = selected_on_public_test(config.models, known)
        if private and faces.split is Split.PUBLIC_TEST and chosen:
            _log(f"{chosen} {_PRIVATE_TEST}")
        for line in shared_names:
            _log(line)
        _write(
            start, config, faces, classifiers, known, contracts, folder, given, private,
            request.engine,
        )  # fmt: skip
    return FinishedRun(folder)


def selected_on_public_test(models: Sequence[str], known: "Sequence[Description]") -> str:
    """Subject of a sentence on the models that were selected on PublicTest; empty for none.

    Args:
        models: their names.
        known: what is known of each.
    """
    cards = [(model, one.card) for model, one in zip(models, known, strict=True)]
    chosen = [model for model, card in cards if card and "PublicTest" in card.selected_on]
    names = ", ".join(chosen) if len(chosen) <= _NAMED else f"{len(chosen)} of the models"
    return f"{names} {'was' if len(chosen) == 1 else 'were'}" if chosen else ""


def _check_contract(models: Sequence[Any]) -> None:
    """Refuse a contract that none of the models takes: ids, files and classifiers have theirs."""
    from fer_models.foreign.names import contract_path, is_foreign
    from fer_models.given_objects import is_classifier
    from fer_models.zoo import split_defences

    own = [model for model in models if isinstance(model, str | Path) or is_classifier(model)]
    if len(own) < len(models):
        return
    first = own[0].id if is_classifier(own[0]) else str(own[0]).split(",")[0]
    name, _ = split_defences(first)
    where = f"is read from {contract_path(name)}" if is_foreign(name) else "belongs to it"
    raise InputError(
        f"`contract` is that of nets given as objects, and there is none; that of {name} {where}. "
        "Leave it out, or give the net itself."
    )


def _given_sets(request: RunRequest) -> Path | None:
    """The folder of sets made elsewhere, if the user named one."""
    if request.resume and not request.out:
        raise InputError("--resume needs --out, the folder of the run to continue. Name it.")
    given = Path(request.adversarial) if request.adversarial else None
    if given and not given.is_dir():
        raise InputError(f"--adversarial must be a folder of sets; got {given}.")
    return given


def _foreign(config: "RunConfig") -> list[str]:
    """Paths of the foreign models of a run; a missing file, module or callable is refused."""
    from fer_models.foreign.names import files_sha256, is_code, is_foreign, split_code
    from fer_models.zoo import split_defences

    foreign = [base for base, _ in map(split_defences, config.models) if is_foreign(base)]
    for path in foreign:
        files_sha256(path)  # before Keras starts
    for path in filter(is_code, foreign):
        from fer_models.backend import quiet_backend

        quiet_backend()
        from fer_models.foreign.python_code import named_object

        named_object(split_code(path)[0])
    return foreign


def _contracts(
    foreign: list[str], faces: "FaceSet", folder: Path, count: int | None
) -> "Contracts":
    """Contracts of the foreign models without a complete contract file, found on the faces."""
    from fer_models.foreign.contract_file import has_whole_contract
    from fer_models.hub.hugging_face import is_hugging_face

    if all(has_whole_contract(path) and not is_hugging_face(path) for path in foreign):
        return {}
    from fer_models.backend import quiet_backend

    quiet_backend()
    from evaluation.stages.foreign_models import contracts_of

    return contracts_of(foreign, faces, folder, _log, count)


def _contract(model: str, contracts: "Contracts") -> "ContractFile | None":
    from fer_models.zoo import split_defences

    return contracts.get(split_defences(model)[0])


def _load(
    models: Iterable[str], contracts: "Contracts", faces: "FaceSet"
) -> tuple[list["Classifier"], list[str]]:
    """The classifiers of a run, each under a unique name, and lines on those that shared one."""
    from fer_models.backend import quiet_backend

    quiet_backend()
    from evaluation.stages.foreign_models import tell_apart
    from evaluation.stages.residence import Residence
    from fer_models.zoo import load

    models, classifiers = list(models), list["Classifier"]()
    residence = Residence(len(models))
    for model in models:
        classifiers.append(load(model, _contract(model, contracts), faces.images))
        residence.used(classifiers[-1])
    return classifiers, tell_apart(models, classifiers)


def _write(
    start: "Start",
    config: "RunConfig",
    faces: "FaceSet",
    classifiers: Sequence["Classifier"],
    known: Sequence["Description"],
    contracts: "Contracts",
    folder: Path,
    given: Path | None,
    private: bool,
    engine: str,
) -> None:
    """Measure, and write tables, manifest and report into a locked folder."""
    from evaluation.engines.named import LOCAL, opened
    from evaluation.engines.parcel import parcel_of
    from evaluation.listener import progress
    from evaluation.results.files import write_manifest
    from evaluation.stages.fingerprints import check_or_keep
    from evaluation.stages.foreign_models import keep_contracts
    from evaluation.stages.manifest import manifest_of
    from evaluation.stages.pipeline import evaluate_run
    from evaluation.stages.residence import release_all
    from reports.page import write_report

    keep_contracts(contracts, folder)
    for classifier in classifiers:
        classifier.keep_answers(folder)
    check_or_keep(classifiers, folder)
    with progress(start.stages) as listener:
        parcels = [
            parcel_of(model, classifier, _contract(model, contracts))
            for model, classifier in zip(config.models, classifiers, strict=True)
            if engine != LOCAL
        ]
        packed = {parcel.model: parcel for parcel in parcels if parcel}
        with opened(engine, faces.images, packed, listener) as workers:
            perturbations = evaluate_run(
                config, faces, classifiers, folder, given, listener, workers
            )
    manifest = manifest_of(start, config, faces, classifiers, known, perturbations, private)
    write_manifest(manifest, folder / "manifest.json")
    release_all(classifiers)
    with start.stages.stage("report"):
        write_report(folder)
    manifest |= {"stages": start.stages.seconds}  # the report reads the manifest
    write_manifest(manifest, folder / "manifest.json")


def _log(text: str) -> None:
    print(text, file=sys.stderr)
