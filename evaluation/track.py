"""`python -m evaluation.track RUN mlflow:URI`: send a finished run to MLflow.

What `evaluation.run --track` does at its end. Measures nothing and needs no TensorFlow.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run


def main(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="mlflow[:URI]", help="MLflow server or store. Default: MLflow's configuration."
        ),
    ] = "mlflow",
) -> None:
    """Send parameters, figures with their intervals and the report of a finished run to MLflow."""
    from evaluation.tracking.target import parse_target

    tracker = parse_target(target)
    from evaluation.results.run import FinishedRun
    from evaluation.tracking.mlflow_server import check, send

    finished = FinishedRun(folder)
    _ = finished.config, finished.results, finished.checks  # refused before MLflow starts
    check(tracker)
    print(f"tracked: {tracker}, run {send(finished, tracker)}")


if __name__ == "__main__":
    run(main, prog="python -m evaluation.track")
