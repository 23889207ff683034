"""Start-up chatter of TensorFlow is held back, and shown when the import fails."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHATTER = "import os\nos.write(2, b'could not find cuda')\n"


def imported(folder: Path, statement: str) -> subprocess.CompletedProcess[str]:
    """Run an import of the fake packages in a folder, after `quiet_backend`."""
    script = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
        "from fer_models.backend import quiet_backend\n"
        "quiet_backend(); quiet_backend()\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
        f"{statement}\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_notices_are_held_back_whoever_imports_the_package(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(CHATTER)
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("import tensorflow\nfrom keras import ops\n")
    (tmp_path / "keras" / "ops.py").write_text("add = 1\n")
    (tmp_path / "users.py").write_text("import keras\n")
    after = "import keras.ops, tensorflow, os; os.write(2, b'mine')"
    done = imported(tmp_path, f"import users; {after}; print(keras.ops.add, keras.__spec__.loader)")
    assert (done.returncode, done.stderr) == (0, "mine")
    assert done.stdout.startswith("1 <_frozen_importlib_external.SourceFileLoader")


def test_they_are_shown_when_the_import_fails(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(f"{CHATTER}raise OSError('no such library')\n")
    done = imported(tmp_path, "import tensorflow")
    assert done.returncode == 1
    assert "could not find cuda" in done.stderr and "no such library" in done.stderr


def test_a_package_that_is_not_there_is_missing_as_ever(tmp_path: Path) -> None:
    statement = "sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; import tensorflow"
    done = imported(tmp_path, statement)
    assert "ModuleNotFoundError: No module named 'tensorflow'" in done.stderr


@pytest.mark.parametrize(
    ("keras", "words"),
    [
        ("class backend:\n    backend = lambda: 'torch'\n", "says torch. Set KERAS_BACKEND="),
        (
            "raise ModuleNotFoundError(\"No module named 'jax'\", name='jax')",
            "says jax, which is not installed. Set KERAS_BACKEND=",
        ),
    ],
)
def test_another_backend_of_keras_is_one_line(keras: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(keras)
    statement = "from fer_models.backend import require_tensorflow; require_tensorflow()"
    done = imported(tmp_path, statement)
    assert "InputError: the backend of Keras must be tensorflow, with which its" in done.stderr
    assert words in done.stderr
