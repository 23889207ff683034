"""The folder of all cases, built once, and commands that are run in it."""

import contextlib
import importlib
import io
import json
import runpy
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.cases.exported import write_exported, write_onnx
from tests.cases.faces import read_faces, write_photographs, write_sources
from tests.cases.nets import PLAIN, write_nets

TIERS = {
    "noise": ({"linf": ["4/255"]}, [("noise", "")]),
    "small": ({"linf": ["0.5/255", "4/255"]}, [("noise", ""), ("pgd", "steps = 10\n")]),
    "l1": (
        {"linf": ["4/255"], "l1": ["1", "2", "4"]},
        [("noise", ""), ("apgd", "steps = 20\nrestarts = 1\n")],
    ),
    "search": (
        {"linf": ["8/255"]},
        [("noise", ""), ("square", "queries = 30\nblack_boxes_only = true\n")],
    ),
}
"""Short attacks, so that a case takes seconds."""
_CALLABLES = ("good", "weight_file", "minus_batch_mean", "order_dependent", "nan_on_bright")


class Outcome(NamedTuple):
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a refused command."""
        assert self.code == 2, self.err or self.out
        (line,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return line


Command = Callable[..., Outcome]
Run = Callable[..., Path]


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every command of the table is run."""
    out, faces = tmp_path_factory.mktemp("cases"), read_faces()
    write_sources(out, faces)
    write_photographs(out / "photos")
    write_nets(out)
    write_exported(out)
    with contextlib.suppress(ImportError):  # an extra
        write_onnx(out, faces)
    shutil.copy(Path(__file__).with_name("callables.py"), out)
    for name in _CALLABLES:
        (out / f"callables.{name}.contract.json").write_text(json.dumps(PLAIN))
    np.save(out / "bias.npy", np.zeros(7, np.float32))
    np.save(out / "other_bias.npy", np.array([9, 0, 0, -9, 0, 0, 0], np.float32))
    for name, (grids, attacks) in TIERS.items():
        lines = ['limit = 60\nseverities = [3]\ncorruptions = ["gaussian_noise"]\n\n[eps]']
        lines += [f"{norm} = {json.dumps(grid)}" for norm, grid in grids.items()]
        lines += [f'\n[[attacks]]\nname = "{attack}"\n{options}' for attack, options in attacks]
        (out / f"{name}.toml").write_text("\n".join(lines))
    return out


@pytest.fixture
def command(cases: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `python -m MODULE ARGUMENTS` in the folder of the cases, in this process."""

    def run(module: str, *arguments: object) -> Outcome:
        monkeypatch.chdir(cases)
        monkeypatch.syspath_prepend(str(cases))
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        sys.modules.pop("callables", None)  # it reads its weight file on import
        importlib.invalidate_caches()
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                with warnings.catch_warnings():  # the module is imported already
                    warnings.simplefilter("ignore", RuntimeWarning)
                    runpy.run_module(module, run_name="__main__")
            except SystemExit as end:
                code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def run(command: Command, cases: Path, tmp_path: Path) -> Run:
    """`evaluation.run` on the faces of a case; returns the folder of the run."""

    def measured(
        models: str, tier: str, *more: object, data: str = "faces", limit: int = 60
    ) -> Path:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        options = ("--data", data, "--models", models, "--tier", f"{tier}.toml", "--labels", "fer")
        outcome = command("evaluation.run", *options, "--limit", limit, *more, "--out", folder)
        assert outcome.code == 0, outcome.err
        (folder / "log.txt").write_text(outcome.err + outcome.out)
        return folder

    return measured
