"""`python -m evaluation.rescore RUN`: recompute a run's figures from its images, without attacking.

Reads `per_image`, `checks.parquet` and `manifest.json`; writes `results.csv`,
`results.parquet` and `comparisons.parquet`. An unchanged run gets the same bytes again.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run

if TYPE_CHECKING:
    from evaluation.results.run import FinishedRun

FEWEST_MODELS = 4
"""Models from which on a second process saves more than the two seconds of its start."""
MOST_FACES = 10_000
"""Faces up to which several models are in memory at once."""
MOST_PROCESSES = 4
"""Processes at most: comparisons between models, by one process, are a quarter of the work."""


def main(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
) -> int:
    """Recompute results.csv, results.parquet and comparisons.parquet of a finished run."""
    from datasets.base.locks import locked
    from evaluation.figures.score_run import rescore
    from evaluation.results.run import FinishedRun

    finished = FinishedRun(folder)
    _check_models(finished)
    with locked(folder):
        before = finished.csv.read_bytes() if finished.csv.exists() else None
        rescore(finished, _processes(finished))
        after = finished.csv.read_bytes()
    figures = after.count(b"\n") - 1
    if before == after:
        print(f"{finished.csv}: {figures} figures, unchanged")
    else:
        print(
            f"{finished.csv}: {figures} figures, changed. "
            f"Rebuild the report: python -m reports.build {folder}"
        )
    return 0


def _processes(finished: "FinishedRun") -> int:
    """How many models to score at once: as many as there are cores, where that saves time.

    Of many faces one model at a time, whose rows take 200 bytes per face and attack.
    """
    few = len(finished.schemes) < FEWEST_MODELS or len(finished.images.faces) > MOST_FACES
    if few:
        return 1
    from joblib import cpu_count  # heeds limits of a container, as `os.cpu_count` does not

    return min(cpu_count(), MOST_PROCESSES)


def _check_models(finished: "FinishedRun") -> None:
    """Refuse a run whose models have changed since; Keras starts only if it has foreign ones."""
    from fer_models.foreign.names import is_foreign
    from fer_models.zoo import split_defences

    given = [str(entry.get("given_as", "")) for entry in finished.manifest["models"].values()]
    if not any(is_foreign(split_defences(model)[0]) for model in given):
        return
    from fer_models.backend import quiet_backend

    quiet_backend()
    from evaluation.stages.fingerprints import check_finished

    for line in check_finished(finished):
        print(f"not compared with the model that was measured: {line}", file=sys.stderr)


if __name__ == "__main__":
    run(main, prog="python -m evaluation.rescore")
