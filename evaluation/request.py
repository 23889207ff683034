"""What can be asked of a run: every option of `python -m evaluation.run`, written once.

The command, `evaluation.evaluate()` and the configuration of a run all start from a `RunRequest`.
An option without a default here takes that of the tier or of the data, as its help says. Nothing
heavy is imported, so that `--help` answers at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from datasets.data_options import DataOptions
from fer_models.contract import Contract

Words = str | Path | float | Sequence[str | Path | float]
"""One or several values: a list in Python, separated by commas on the command line."""


@dataclass(frozen=True)
class RunRequest(DataOptions):
    """Options of a run as the user gave them; `evaluation/configure.py` checks and fills them."""

    models: Annotated[
        str | Path | Sequence[str | Path],
        Option(metavar="A,B", help="starter, all, or ids, training folders and model files."),
    ] = "starter"
    _: KW_ONLY
    split: Annotated[
        str | None,
        Option(
            help="Training, PublicTest, PrivateTest, Test or Sample. Default: the first of "
            "PublicTest, Test and Sample that the data have."
        ),
    ] = None
    groups: Annotated[
        str | Path | None,
        Option(
            metavar="FILE",
            help="Csv with a column row or file and others such as age: figures by group.",
        ),
    ] = None
    labels: Annotated[
        str | Sequence[str] | None,
        Option(metavar="A,B", help="fer, ferplus or both. Default: all that the data have."),
    ] = None
    tier: Annotated[
        str | Path,
        Option(metavar="NAME", help="quick, smoke, standard, full, or a TOML file like theirs."),
    ] = "smoke"
    norm: Annotated[str, Option(help="Norm of the attacks: linf, l2 or l1.")] = "linf"
    eps: Annotated[
        Words | None,
        Option(metavar="A,B", help="Attack budgets, such as 1/255,2/255. Default: the tier's."),
    ] = None
    faces: Annotated[
        int | None,
        Option(
            min=1,
            help="Faces for probing a model without a contract. Default: as many as needed.",
        ),
    ] = None
    limit: Annotated[
        int | None, Option(min=0, help="Number of faces, 0 for all. Default: the tier's.")
    ] = None
    certify: Annotated[
        Words | None,
        Option(
            metavar="A,B",
            help="Certify radii by smoothing with noise of these sigmas, such as 0.1. "
            "Default: the tier's.",
        ),
    ] = None
    precision: Annotated[
        str,
        Option(help="Precision of gradients: auto (bfloat16 where it is as strong) or float32."),
    ] = "auto"
    seed: Annotated[int, Option(min=0, help="Random seed.")] = 0
    engine: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Who attacks: local, ray (workers on this machine), or ray://HOST:PORT.",
        ),
    ] = "local"
    threads: Annotated[
        int | None,
        Option(
            min=1, help="Threads of each process that computes. Default: all cores, with ray 1."
        ),
    ] = None
    seeds: Annotated[
        int,
        Option(min=1, help="Repeat the attacks with this many random seeds and show the spread."),
    ] = 1
    out: Annotated[
        str | Path | None, Option(metavar="FOLDER", help="Run folder. Default: runs/TIME.")
    ] = None
    resume: Annotated[bool, Option("--resume", help="Continue the run in --out, or start it.")] = (
        False
    )
    adversarial: Annotated[
        str | Path | None,
        Option(metavar="FOLDER", help="Reuse matching adversarial sets from this folder."),
    ] = None


@dataclass(frozen=True)
class PythonRequest(RunRequest):
    """A run as Python asks for it, which has models that are no files."""

    models: Annotated[
        Any,
        Option(
            help="starter, all, or one or several of ids, folders, files, nets and classifiers."
        ),
    ] = "starter"
    _: KW_ONLY
    contract: Annotated[
        Contract | Mapping[str, Any] | None,
        Option(
            help="What pixels and outputs of nets given as objects mean; the probe finds what is "
            "missing. Files and code have theirs beside them."
        ),
    ] = None


def listed(words: Words) -> str:
    """Join a text, a path, a number or a list of them with commas."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        return str(words)
    return ",".join(map(str, words))
