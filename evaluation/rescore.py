"""`python -m evaluation.rescore RUN`: rebuild a run's figures from its images, attacking nothing.

Reads `per_image.parquet`, `checks.parquet` and `manifest.json`; writes `results.csv`,
`results.parquet` and `comparisons.parquet`. On an unchanged run they come out byte for byte.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run


def main(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
) -> int:
    """Rebuild results.csv, results.parquet and comparisons.parquet of a finished run."""
    from evaluation.figures.write import rescore
    from evaluation.results.run import FinishedRun

    finished = FinishedRun(folder)
    before = finished.csv.read_bytes() if finished.csv.exists() else None
    rescore(finished)
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


if __name__ == "__main__":
    run(main, prog="python -m evaluation.rescore")
