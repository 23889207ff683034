"""`python -m evaluation.run`: attack classifiers of facial expressions and report what is left.

Writes into `--out` the files of `evaluation/results/schema.py` and the report `index.html`.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.base.commands import DATA_DEFAULT, run
from datasets.base.errors import InputError
from datasets.base.locks import locked

if TYPE_CHECKING:
    from datasets.faceset import FaceSet
    from evaluation.comparing.fail_under import Requirement
    from evaluation.config import RunConfig
    from evaluation.listener import Listener
    from evaluation.results.run import FinishedRun
    from evaluation.stages.foreign_models import Contracts
    from fer_models.classifier import Classifier
    from fer_models.foreign.contract_file import ContractFile

Option = typer.Option
_DATA_HELP = f"FER2013 csv, archive or folder, or `sample`. {DATA_DEFAULT}"


def main(
    data: Annotated[str | None, Option(help=_DATA_HELP)] = None,
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    split: Annotated[
        str | None,
        Option(help="Training, PublicTest, PrivateTest, Test. Default: PublicTest, else Test."),
    ] = None,
    models: Annotated[str, Option(help="starter, all, or ids, folders, files: A,B")] = "starter",
    labels: Annotated[
        str | None, Option(help="fer,ferplus. Default: what the data carries.")
    ] = None,
    tier: Annotated[
        str, Option(help="smoke, standard, full, or a TOML file like theirs.")
    ] = "smoke",
    norm: Annotated[str, Option(help="linf, l2 or l1.")] = "linf",
    eps: Annotated[
        str | None, Option(help="Grid such as 1/255,2/255. Default: the tier's.")
    ] = None,
    limit: Annotated[
        int | None, Option(min=0, help="Faces, 0 for all. Default: the tier's.")
    ] = None,
    certify: Annotated[
        str | None, Option(help="Sigmas of noise, such as 0.1: certified radii.")
    ] = None,
    precision: Annotated[
        str, Option(help="Of attacks: auto (bfloat16 where it is as strong) or float32.")
    ] = "auto",
    seed: Annotated[int, Option(min=0, help="Of every draw.")] = 0,
    out: Annotated[Path | None, Option(help="Run folder. Default: runs/TIME.")] = None,
    resume: Annotated[bool, Option("--resume", help="Continue the run in --out.")] = False,
    adversarial: Annotated[
        Path | None, Option(help="Folder of sets made elsewhere, used where they fit.")
    ] = None,
    fail_under: Annotated[
        list[str] | None, Option(help='Such as "robust_accuracy@4/255=0.25": exit 1 when below.')
    ] = None,
) -> int:
    """Attack classifiers, measure what is left under FER and FER+ labels, write a report."""
    from evaluation.comparing.fail_under import parse_requirement

    requirements = [parse_requirement(text) for text in fail_under or []]

    def check(config: "RunConfig") -> None:
        for requirement in requirements:
            requirement.check_grid(config.eps)

    finished = evaluate(
        models,
        data=data,
        votes=votes,
        split=split,
        labels=labels,
        tier=tier,
        norm=norm,
        eps=eps,
        limit=limit,
        certify=certify,
        precision=precision,
        seed=seed,
        out=out,
        resume=resume,
        adversarial=adversarial,
        check=check,
    )
    return _finish(finished, requirements)


def evaluate(
    models: str | Path | Sequence[str | Path] = "starter",
    *,
    data: str | Path | None = None,
    votes: str | Path | None = None,
    split: str | None = None,
    labels: str | Sequence[str] | None = None,
    tier: str | Path = "smoke",
    norm: str = "linf",
    eps: str | Sequence[str | float] | None = None,
    limit: int | None = None,
    certify: str | float | Sequence[float] | None = None,
    precision: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    adversarial: str | Path | None = None,
    check: "Callable[[RunConfig], None]" = lambda _: None,
) -> "FinishedRun":
    """Do what the command does, from Python: `from evaluation import evaluate`.

    Args:
        models: `starter`, `all`, ids, folders or files; text with commas, a path, or a list.
        data: FER2013 csv, archive or folder, or "sample" for the embedded sample of generated
            faces; default $DEADPAN_DATA, then ./data, then the sample.
        votes: FER+ votes when they lie elsewhere.
        split: Training, PublicTest, PrivateTest or Test; default PublicTest, else Test.
        labels: `fer`, `ferplus` or both; default what the data carries.
        tier: smoke, standard, full, or the path of a TOML file like theirs.
        norm: linf, l2 or l1.
        eps: grid such as "1/255,2/255" or [1/255, 2/255]; default the tier's.
        limit: faces, 0 for all; default the tier's.
        certify: sigmas of noise, pixels in [0, 1], for certified radii; default the tier's.
        precision: of attacks: auto (gradients in bfloat16 where that is as strong) or float32.
        seed: of every draw.
        out: run folder; default runs/TIME.
        resume: continue the run in `out`.
        adversarial: folder of sets made elsewhere, used where they fit.
        check: told the configuration before anything is attacked; may raise.

    Returns:
        The finished run: `to_frame()` has its figures, `report` is the path of its report.

    Raises:
        InputError: an option, the data or a model is not what it must be.
    """
    started = datetime.now().astimezone()
    clock = time.monotonic()
    from attacks.precision import Precision
    from attacks.threat_model import parse_norm
    from datasets.base.options import parse_choice
    from datasets.base.writable import default_folder
    from datasets.default_data import data_or_default
    from datasets.faceset import Split
    from datasets.read import load
    from evaluation.config import configure
    from evaluation.results.run import FinishedRun
    from evaluation.stages.run_folder import check_run_folder, open_run_folder, run_identity
    from fer_models.zoo import describe, resolve

    if resume and not out:
        raise InputError("--resume needs --out, the folder of the run that goes on. Name it.")
    given = Path(adversarial) if adversarial else None
    if given and not given.is_dir():
        raise InputError(f"--adversarial must be a folder of sets; got {given}.")
    asked_split = parse_choice(Split, split, "--split") if split else None
    configured = partial(
        configure,
        models=tuple(resolve(_listed(models))),
        tier=str(tier),
        norm=parse_norm(norm),
        eps=None if eps is None else _listed(eps),
        limit=limit,
        seed=seed,
        certify=None if certify is None else _listed(certify),
        precision=parse_choice(Precision, precision, "--precision"),
    )
    asked_labels = None if labels is None else _listed(labels)
    first = configured(split=asked_split or Split.PUBLIC_TEST, labels=asked_labels or "fer")
    check(first)  # refuse wrong options before reading anything
    faces = load(data_or_default(data), asked_split, votes=votes or None)
    config = configured(split=faces.split, labels=asked_labels or ",".join(faces.label_sets))
    if labels is None and len(faces.label_sets) == 1:
        _log(f"{faces.name} carries {faces.label_sets[0]} labels only; FER+ votes: --votes FILE")
    stamp = started.strftime("%Y-%m-%d-%H%M%S")
    folder = Path(out) if out else default_folder(Path("runs") / stamp)
    contracts = _contracts(config, faces, folder)
    faces = faces.limit(config.limit, config.seed)
    known = {model: describe(model, _contract(model, contracts)) for model in config.models}
    identity = run_identity(config, faces, known)
    check_run_folder(folder, identity, resume)
    classifiers = _load(config.models, contracts)  # what does not load leaves no folder behind
    with locked(folder), open_run_folder(folder, identity, resume):
        _run(config, faces, classifiers, contracts, folder, given, started, clock)
    return FinishedRun(folder)


def _listed(words: str | Path | float | Sequence[object]) -> str:
    """Text with commas, from such text, a path, a number or a list."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        return str(words)
    return ",".join(map(str, words))


def _load(models: Iterable[str], contracts: "Contracts") -> list["Classifier"]:
    """The classifiers of a run, each under a name of its own."""
    from fer_models.backend import start_backend

    start_backend()
    from evaluation.stages.foreign_models import name_apart
    from fer_models.zoo import load

    classifiers = [load(model, _contract(model, contracts)) for model in models]
    name_apart(classifiers)
    return classifiers


def _run(
    config: "RunConfig",
    faces: "FaceSet",
    classifiers: list["Classifier"],
    contracts: "Contracts",
    folder: Path,
    adversarial: Path | None,
    started: datetime,
    clock: float,
) -> None:
    """Measure, and write tables, manifest and report, into an opened folder."""
    from evaluation.environment import environment, peak_memory_mb
    from evaluation.results.files import write_manifest
    from evaluation.stages.foreign_models import keep_contracts
    from evaluation.stages.pipeline import evaluate_run
    from reports.page import write_report

    keep_contracts(contracts, folder)
    with _progress() as listener:
        perturbations = evaluate_run(config, faces, classifiers, folder, adversarial, listener)
    manifest = {
        "deadpan_version": environment()["deadpan"],
        "started": started.isoformat(timespec="seconds"),
        "command": _command(),
        "config": config.to_json(),
        "data": _data_entry(faces),
        "models": {
            c.id: _model_entry(c, model, contracts) for c, model in zip(classifiers, config.models)
        },
        "perturbations": perturbations,
        "environment": environment(),
        "seconds": round(time.monotonic() - clock, 1),
        "peak_memory_mb": peak_memory_mb(),
    }
    write_manifest(manifest, folder / "manifest.json")
    write_report(folder)


def _command() -> str:
    """What the user typed; a caller from Python typed no command."""
    if Path(sys.argv[0]).parts[-2:] == ("evaluation", "run.py"):
        return " ".join(["python -m evaluation.run", *sys.argv[1:]])
    return "from evaluation import evaluate"


def _contracts(config: "RunConfig", faces: "FaceSet", folder: Path) -> "Contracts":
    """Contracts of the foreign models that have none beside them, found on the faces."""
    from fer_models.foreign.contract_file import find_contract
    from fer_models.foreign.names import files_sha256, is_foreign
    from fer_models.zoo import split_defences

    foreign = [base for base, _ in map(split_defences, config.models) if is_foreign(base)]
    for path in foreign:
        files_sha256(path)  # refuses what is not there, before Keras starts
    if all(find_contract(Path(path)) for path in foreign):
        return {}
    from fer_models.backend import start_backend

    start_backend()
    from evaluation.stages.foreign_models import contracts_of

    return contracts_of(foreign, faces, folder, _log)


def _contract(model: str, contracts: "Contracts") -> "ContractFile | None":
    from fer_models.zoo import split_defences

    return contracts.get(split_defences(model)[0])


def _data_entry(faces: "FaceSet") -> dict[str, Any]:
    from datasets.faceset import Split
    from datasets.sample.faces import NOTICE

    generated = faces.split is Split.SAMPLE
    return {
        "name": faces.name,
        "split": faces.split,
        "sha256": faces.sha256,
        "rows": len(faces),
        "leaked": None if faces.leaked is None else int(faces.leaked.sum()),
        "generated": generated,
        "notice": NOTICE if generated else "",
        "labelled": {name: int(faces.labels(name).present.sum()) for name in faces.label_sets},
    }


def _model_entry(classifier: "Classifier", model: str, contracts: "Contracts") -> dict[str, Any]:
    from fer_models.keras_classifier import KerasClassifier
    from fer_models.zoo import describe

    known = describe(model, _contract(model, contracts))
    parameters = known.card.parameters if known.card else None
    if known.card is None and isinstance(classifier, KerasClassifier):
        parameters = classifier.model.count_params()
    return {
        "given_as": model,
        "architecture": known.architecture,
        "label_set": known.label_set,
        "classes": list(classifier.scheme.classes),
        "parameters": parameters,
        "weights_sha256": classifier.weights_sha256,
        "card": known.card.model_dump(mode="json") if known.card else None,
    }


@contextmanager
def _progress() -> Iterator["Listener"]:
    """A bar over the chunks of the current set, and lines above it, on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    from evaluation.listener import Listener

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("start")

        def chunk(name: str, done: int, count: int) -> None:
            bar.update(task, description=name, completed=done, total=count)

        yield Listener(line=lambda text: console.print(text, markup=False), chunk=chunk)


def _finish(finished: "FinishedRun", requirements: list["Requirement"]) -> int:
    """Print the summary; 1 when a requirement is missed."""
    from evaluation.summary_table import summary_table

    print(summary_table(finished.results, finished.config.eps))
    print(f"report: {finished.report}")
    missed = [line for requirement in requirements for line in requirement.missed(finished.results)]
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def _log(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    run(main, prog="python -m evaluation.run")
