"""A finished run in MLflow: one run with parameters and report, one nested run per model.

MLflow's own statistics of use are switched off, so that nothing is sent anywhere but to the URI.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING

from datasets.base.errors import InputError, words_of
from evaluation.results.run import FinishedRun
from evaluation.tracking.record import ModelRecord, model_records, report_files, run_parameters
from evaluation.tracking.target import Target, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "deadpan"
"""Name of the experiment, unless `MLFLOW_EXPERIMENT_NAME` says another."""

_LONGEST = 5000
"""Characters of a parameter or a tag; MLflow takes 6,000 of a parameter."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""A server that is away is noticed in seconds, not minutes; the user's own settings win."""


def check(target: Target) -> None:
    """Ask for the experiment, so that a wrong URI is noticed before a run.

    Raises:
        InputError: the URI is none of MLflow's, or the server does not answer.
    """
    with _one_line(target, "mlflow:URI must name an MLflow server or store that answers"):
        _client(target).get_experiment_by_name(_experiment())


def send(run: FinishedRun, target: Target) -> str:
    """Send a finished run and return the id that MLflow gave it.

    Raises:
        InputError: the server does not answer or refuses; the run folder is untouched.
    """
    again = f"python -m evaluation.track {run.folder} {target}"
    with _one_line(target, f"{run.folder} is complete but not tracked; send it again: {again}"):
        client = _client(target)
        found = client.get_experiment_by_name(_experiment())
        experiment = found.experiment_id if found else client.create_experiment(_experiment())
        parent = client.create_run(experiment, run_name=run.folder.resolve().name).info.run_id
        status = "FAILED"
        try:
            _log(client, parent, run_parameters(run), {})
            for path in report_files(run):
                client.log_artifact(parent, str(path))
            for record in model_records(run):
                _log_model(client, experiment, parent, record, run_parameters(run))
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
    return str(parent)


def _log_model(
    client: "MlflowClient",
    experiment: str,
    parent: str,
    record: ModelRecord,
    parameters: dict[str, str],
) -> None:
    """A nested run, which has the parameters of its parent too, so that it is found by them."""
    tags = {"mlflow.parentRunId": parent}
    tags |= {f"deadpan.{name}": text[:_LONGEST] for name, text in record.remarks.items()}
    child = client.create_run(experiment, tags=tags, run_name=record.model).info.run_id
    _log(client, child, parameters | record.parameters, record.metrics)
    client.set_terminated(child)


def _log(
    client: "MlflowClient", run_id: str, parameters: dict[str, str], metrics: dict[str, float]
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time() * 1000)
    client.log_batch(
        run_id,
        params=[Param(name, text[:_LONGEST]) for name, text in parameters.items()],
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
    )


def _experiment() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def _client(target: Target) -> "MlflowClient":
    """MLflow's client, imported with telemetry off and without lines about its database."""
    os.environ.update(_SETTINGS)
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    return MlflowClient(target.uri or None)


@contextmanager
def _one_line(target: Target, rule: str) -> Iterator[None]:
    """Whatever MLflow or a store raises, as one line."""
    try:
        yield
    except Exception as error:  # each store raises its own
        said = without_password(words_of(error))
        raise InputError(f"{rule}. Got {target}: {said}.") from error
