"""Runs sent to a real MLflow server on SQLite, by the commands of a user."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.results.run import FinishedRun
from evaluation.tracking.record import model_records, report_files, run_parameters
from tests.datasets.factory import write_source
from tests.evaluation.test_run import ENVIRONMENT, REPOSITORY, deadpan, refused
from tests.fer_models.untrained import write_untrained

pytestmark = pytest.mark.slow
pytest.importorskip("mlflow")

LISTEN = """
import runpy, socket, sys
file = open(sys.argv[1], "w")
connect, look_up = socket.socket.connect, socket.getaddrinfo
def connecting(self, address):
    if self.family != socket.AF_UNIX:
        print(address[0], file=file, flush=True)
    return connect(self, address)
def looking_up(host, *rest, **words):
    print(host, file=file, flush=True)
    return look_up(host, *rest, **words)
socket.socket.connect, socket.getaddrinfo = connecting, looking_up
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
import time; time.sleep(5)
"""
"""Runs a command, and writes every address that it looks up or connects to into a file."""


class Server:
    """An MLflow server in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.uri, self.log = f"http://127.0.0.1:{self.port}", folder / "log"
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        words += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
        words += ["--artifacts-destination", str(folder / "artifacts")]
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(240):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.5)
        raise AssertionError(self.log.read_text()[-2000:])

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Data and model of a short run."""
    model = write_untrained(tmp_path_factory.mktemp("untrained"))
    data = write_source(tmp_path_factory.mktemp("data"))
    return ["--data", str(data), "--models", str(model), "--tier", "quick"]


@pytest.fixture(scope="module")
def tracked(
    server: Server, given: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A run by `--track`: its folder and its id in MLflow."""
    folder = tmp_path_factory.mktemp("tracked") / "run"
    result = deadpan(*given, "--out", folder, "--track", f"mlflow:{server.uri}")
    assert result.returncode == 0, result.stderr
    last = result.stdout.splitlines()[-1]
    assert last.startswith(f"tracked: mlflow:{server.uri}, run ")
    return folder, last.rpartition(" ")[2]


def test_a_run_has_its_parameters_figures_and_report_on_the_server(
    server: Server, tracked: tuple[Path, str]
) -> None:
    from mlflow import MlflowClient

    folder, run_id = tracked
    client, run = MlflowClient(server.uri), FinishedRun(folder)
    parent = client.get_run(run_id)
    assert parent.info.status == "FINISHED" and parent.info.run_name == "run"
    assert parent.data.params == run_parameters(run)
    names = {file.path for file in client.list_artifacts(run_id)}
    assert names == {path.name for path in report_files(run)} >= {"index.html", "report.md"}
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'"
    )
    (record,) = model_records(run)
    (child,) = children
    assert child.info.run_name == record.model and child.info.status == "FINISHED"
    assert child.data.metrics == pytest.approx(record.metrics)
    assert len(child.data.metrics) > 50
    assert child.data.params["model"] == record.model
    tags = {name: text for name, text in child.data.tags.items() if name.startswith("deadpan.")}
    assert tags == {f"deadpan.{name}": text for name, text in record.remarks.items()}
    assert client.get_experiment(parent.info.experiment_id).name == "deadpan"


def test_nothing_is_sent_anywhere_else(
    server: Server, tracked: tuple[Path, str], tmp_path: Path
) -> None:
    """Also where MLflow's own statistics of use would be: outside of tests and builds."""
    log, script = tmp_path / "log", tmp_path / "listen.py"
    script.write_text(LISTEN)
    hidden = {"PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "MLFLOW_DISABLE_TELEMETRY"}
    kept = {name: value for name, value in ENVIRONMENT.items() if name not in hidden}
    words = ["evaluation.track", str(tracked[0]), f"mlflow:{server.uri}"]
    result = subprocess.run(
        [sys.executable, str(script), str(log), *words],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("tracked: ") and result.stderr == ""
    assert set(log.read_text().split()) == {"127.0.0.1"}


def test_a_store_in_a_file(tracked: tuple[Path, str], tmp_path: Path) -> None:
    uri = f"mlflow:sqlite:///{tmp_path}/mlflow.db"
    result = subprocess.run(
        [sys.executable, "-m", "evaluation.track", str(tracked[0]), uri],
        cwd=tmp_path,  # where MLflow puts artifacts
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no lines about the tables of the new database


@pytest.mark.parametrize("uri", ["nonsense://x", "http://127.0.0.1:9"])
def test_a_bad_uri_is_one_line_before_the_run(uri: str, given: list[str], tmp_path: Path) -> None:
    result = deadpan(*given, "--out", tmp_path / "run", "--track", f"mlflow:{uri}")
    refused(result, f"must name an MLflow server or store that answers. Got mlflow:{uri}: ")
    assert not (tmp_path / "run").exists()


def test_a_server_that_goes_away_leaves_the_run_and_the_line_to_send_it(
    given: list[str], tmp_path: Path
) -> None:
    away, folder = Server(tmp_path), tmp_path / "run"
    words = [*given, "--out", str(folder), "--track", f"mlflow:{away.uri}"]
    started = subprocess.Popen(
        [sys.executable, "-m", "evaluation.run", *words],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while started.poll() is None and not folder.exists():
        time.sleep(0.1)
    away.stop()
    out, err = started.communicate(timeout=300)
    assert started.returncode == 2, err
    assert f"report: {folder / 'index.html'}" in out
    last = err.splitlines()[-1]
    assert last.startswith(f"error: {folder} is complete but not tracked; send it again: ")
    assert f"python -m evaluation.track {folder} mlflow:{away.uri}" in last
    assert FinishedRun(folder).report.exists()
