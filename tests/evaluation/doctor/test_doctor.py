"""The doctor: each thing that may be wrong is found and comes with a fix."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation import environment
from evaluation.doctor import data_and_weights as materials
from evaluation.doctor import installation, machine
from evaluation.doctor.__main__ import main
from evaluation.doctor.finding import Finding, State
from tests.datasets.factory import synthetic_sample, write_source


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_line_has_state_subject_and_fix() -> None:
    finding = Finding(State.WRONG, "memory", "0.3 GB\nfree", "close programs")
    assert finding.line == "wrong  memory      0.3 GB free -> close programs"
    assert Finding(State.OK, "disk", "9 GB").line == "ok     disk        9 GB"


# ------------------------------------------------------------------------------- installation


class Metadata(dict):
    def __init__(self) -> None:
        super().__init__({"Requires-Python": ">=3.11,<3.99"})

    def get_all(self, _: str) -> list[str]:
        return ["live", "dev"]


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Installed packages by version, and a distribution of ours that asks for two of them."""
    have = {"numpy": "2.4.0", "opencv-python": "4.14.0"}
    ours = SimpleNamespace(
        version="0.1.0",
        requires=[
            "numpy>=2",
            "opencv-python<5,>=4.10",
            'flask>=3; extra == "live"',
            'pytest; extra == "dev"',
            'colorama; sys_platform == "no-such-system"',
        ],
        metadata=Metadata(),
    )

    def version(name: str) -> str:
        if name not in have:
            raise PackageNotFoundError(name)
        return have[name]

    monkeypatch.setattr(environment, "version", version)
    monkeypatch.setattr(installation, "distribution", lambda _: ours)
    return have


def test_what_fits_is_one_line_and_a_missing_extra_a_note(packages: dict[str, str]) -> None:
    python, found, extras = installation.check_installation()
    assert (python.state, found.state) == (State.OK, State.OK)
    assert "numpy 2.4.0; 2 of 2 fit" in found.what
    assert extras.state is State.NOTE
    assert extras.what == "installed: none; not installed: live"
    assert extras.fix.endswith('".[live]"')
    packages["flask"] = "3.0"
    assert installation.check_installation()[-1].what == "installed: live; not installed: none"


def test_a_package_too_new_or_missing_is_wrong(packages: dict[str, str]) -> None:
    packages["opencv-python"] = "5.0.0"
    del packages["numpy"]
    _, summary, numpy, opencv, _ = installation.check_installation()
    assert "0 of 2 fit" in summary.what
    assert (numpy.state, numpy.what) == (State.WRONG, "numpy missing, wanted >=2")
    assert opencv.what == "opencv-python 5.0.0, wanted <5,>=4.10"
    assert opencv.fix == 'pip install "opencv-python<5,>=4.10"'


def test_hugging_faces_datasets_is_in_the_way(packages: dict[str, str]) -> None:
    packages["datasets"] = "3.2.0"
    namesake = installation.check_installation()[-1]
    assert namesake.state is State.WRONG
    assert "pip uninstall datasets" in namesake.fix


def test_another_python_is_wrong(packages: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.10.4")
    python = installation.check_installation()[0]
    assert (python.state, python.what) == (State.WRONG, "3.10.4, not >=3.11,<3.99")


def test_not_installed_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", none)
    assert only(installation.check_installation()).fix.endswith("pip install -e .")


# ------------------------------------------------------------------------------- machine


def answer(code: int = 0, out: str = "", err: str = "") -> subprocess.CompletedProcess:
    return subprocess.CompletedProcess([], code, out, err)


NOTICE = "To enable the following instructions: AVX2 AVX512F{} FMA, in other operations, rebuild"


@pytest.mark.parametrize(
    ("feature", "state"), [(" AVX512_BF16", State.OK), (" AMX_BF16", State.OK), ("", State.NOTE)]
)
def test_devices_and_features_are_those_of_tensorflow(
    feature: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = answer(out='chatter\n["CPU", "GPU", "GPU"]\n', err=NOTICE.format(feature))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    devices, processor = machine.check_tensorflow()
    assert devices.what == "1 CPU, 2 GPU"
    assert processor.state is state
    assert f"AVX2 AVX512F{feature} FMA" in processor.what


def test_a_tensorflow_that_crashes_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer(-4, err="x\nIllegal\n"))
    finding = only(machine.check_tensorflow())
    assert finding.state is State.WRONG
    assert finding.what == "does not start, exit code -4: Illegal"


def test_a_tensorflow_that_hangs_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 180)

    monkeypatch.setattr(subprocess, "run", hang)
    assert only(machine.check_tensorflow()).state is State.WRONG


@pytest.mark.parametrize(("free", "state"), [(2.0, State.OK), (1.9, State.WRONG)])
def test_memory_has_a_floor(free: float, state: State) -> None:
    assert machine.check_memory(free).state is state


@pytest.mark.parametrize(("free", "state"), [(1e9, State.OK), (9e8, State.WRONG)])
def test_disk_has_a_floor(
    free: float, state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert machine.check_disk(tmp_path).state is state


def test_folders_that_cannot_be_written_are_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.state for one in machine.check_folders(tmp_path)] == [State.OK, State.OK]
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("DEADPAN_CACHE", str(file / "cache"))
    runs, cache = machine.check_folders(file)
    assert (runs.state, cache.state) == (State.NOTE, State.NOTE)
    assert "--out" in runs.fix
    assert "DEADPAN_CACHE" in cache.fix


# ------------------------------------------------------------------------------- materials


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder without data, with a sample."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEADPAN_DATA", raising=False)
    with synthetic_sample(tmp_path):
        yield tmp_path


def test_without_fer2013_the_sample_is_named(nowhere: Path) -> None:
    data, sample = materials.check_data()
    assert data.state is State.NOTE
    assert data.fix == "python -m datasets.fetch"
    assert (sample.state, sample.what) == (State.OK, "14 generated faces")


def test_a_damaged_sample_is_wrong(nowhere: Path) -> None:
    (nowhere / "faces.npz").write_bytes(b"PK\x03\x04")
    assert materials.check_data()[1].state is State.WRONG


def test_data_that_is_found_is_counted(nowhere: Path) -> None:
    write_source(nowhere / "data")
    found = materials.check_data()[0]
    assert found.state is State.OK
    assert "Training 42, PublicTest 9, PrivateTest 9, FER+ votes" in found.what
    assert "not the published file, by its md5" in found.what
    (nowhere / "data" / "fer2013new.csv").unlink()
    assert materials.check_data()[0].state is State.NOTE


def test_data_that_is_named_and_missing_is_wrong(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADPAN_DATA", "/nowhere")
    found = materials.check_data()[0]
    assert found.state is State.WRONG
    assert "/nowhere" in found.what


def test_the_shipped_weights_are_whole() -> None:
    finding = only(materials.check_weights())
    assert finding.state is State.OK
    number = finding.what.split()[0]
    assert int(number) == len(list(materials.WEIGHTS.glob("*.npz")))


def test_damaged_and_missing_weights_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(next(materials.CARDS.glob("simple_cnn.fer.json")), tmp_path)
    (tmp_path / "cards").mkdir()
    shutil.move(tmp_path / "simple_cnn.fer.json", tmp_path / "cards")
    (tmp_path / "landmarks.json").write_text(json.dumps({"sha256": "0" * 64}))
    (tmp_path / "landmarks.npz").write_bytes(b"cut")
    monkeypatch.setattr(materials, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(materials, "WEIGHTS", tmp_path)
    missing, damaged = materials.check_weights()
    assert missing.what == f"{tmp_path / 'simple_cnn.fer.npz'} is missing"
    assert "expected sha256 000000000000..., found" in damaged.what
    assert {missing.state, damaged.state} == {State.WRONG}


# ------------------------------------------------------------------------------- the command


def test_it_exits_1_when_something_is_wrong(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    said = answer(out='["CPU"]', err=NOTICE.format(""))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    monkeypatch.setattr(machine, "free_memory_gb", lambda: 8.0)
    assert main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "ready: python -m evaluation.run"
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "note"}
    monkeypatch.setattr(machine, "free_memory_gb", lambda: 0.5)
    assert main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 to fix"


@pytest.mark.slow
def test_the_real_thing_answers() -> None:
    line = [sys.executable, "-m", "evaluation.doctor"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert result.returncode in (0, 1), result.stderr
    assert "devices" in result.stdout
    assert "TensorFlow uses" in result.stdout
