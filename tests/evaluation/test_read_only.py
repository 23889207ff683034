"""A run where neither the current folder nor the home folder can be written.

A file stands where the folders would be: permissions do not hold the root user of a container.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from datasets.sample import write_sample
from tests.datasets.factory import sample_arrays
from tests.evaluation.test_run import ENVIRONMENT, REPOSITORY
from tests.fer_models.untrained import write_untrained

_HOMES = ("HOME", "DEADPAN_CACHE", "KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")


@pytest.mark.slow
def test_results_go_to_a_temporary_folder_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "untrained").mkdir()
    model = write_untrained(tmp_path / "untrained")
    write_sample(tmp_path / "faces.npz", *sample_arrays(each=2))
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    (here / "runs").write_text("in the way")
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in _HOMES}
    environment |= {"HOME": str(here / "runs" / "home"), "TMPDIR": str(temporary)}
    result = subprocess.run(
        [
            *(sys.executable, "-m", "tests.on_sample", str(tmp_path / "faces.npz")),
            *("evaluation.run", "--models", str(model), "--eps", "4/255"),
        ],
        cwd=here,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    said = [line for line in result.stderr.splitlines() if "cannot be written" in line]
    assert len(said) == 1
    (folder,) = temporary.glob("deadpan-*")
    assert str(folder) in said[0]
    assert f"report: {folder / 'index.html'}" in result.stdout
    assert (folder / "index.html").exists()
    assert [path.name for path in here.iterdir()] == ["runs"]
