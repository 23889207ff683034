"""`python -m benchmarks.rescore`: time and peak memory of `evaluation.rescore` on a synthetic run.

Writes a run folder with random answers of a number of models to a number of faces, clean, corrupted
and attacked under both label sets, as in a tier or of a simpler shape, scored by the command.
Prints a row of `docs/benchmarks.md`.
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.base.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd

    from evaluation.config import RunConfig

GRID: tuple[float, ...] = (1 / 255, 2 / 255, 4 / 255)
ATTACKS = ("noise", "fgsm", "pgd")
CORRUPTIONS, SEVERITIES = ("jpeg",), (1, 3)


def main(
    faces: Annotated[int, typer.Option(min=1, help="Faces of the run.")] = 100_000,
    models: Annotated[int, typer.Option(min=1, help="Models of the run.")] = 10,
    tier: Annotated[
        str,
        typer.Option(help="Perturbations of this tier, and transfer sets; else six."),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Keep the run in this folder.")] = None,
) -> None:
    """Score a synthetic run and print how long it took and how much memory it needed."""
    with TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / "run"
        rows = _write_run(folder, faces, models, tier)
        (clock, processor), megabytes = _rescore(folder)
    cells = f"{faces:,}", models, f"{rows:,}", f"{clock:.0f}", f"{processor:.0f}"
    print("| faces | models | rows | seconds | processor seconds | peak memory |")
    print("|---|---|---|---|---|---|")
    print("|", " | ".join(map(str, cells)), "|", f"{megabytes:,.0f} MB |")


def _rescore(folder: Path) -> tuple[tuple[float, float], float]:
    """Seconds on the clock and of the processor, and peak memory in MB of a process."""
    import resource

    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "evaluation.rescore", str(folder)], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock = time.perf_counter() - start
    return (clock, used.ru_utime + used.ru_stime), used.ru_maxrss / 1e3


def _write_run(folder: Path, faces: int, models: int, tier: str) -> int:
    """Write the files that scoring reads; return the number of rows of images."""
    import numpy as np
    import pandas as pd

    from datasets.labels import SCHEMES
    from evaluation.results.files import write_manifest, write_table
    from evaluation.results.row_parts import RowParts
    from evaluation.results.schema import CHECK_COLUMNS, TRANSFER_COLUMNS
    from evaluation.results.transfer_rows import TransferRows

    folder.mkdir(parents=True, exist_ok=True)
    rng, names = np.random.default_rng(0), [f"model{number}.fer" for number in range(models)]
    shared, count, config = _faces(faces, rng), 0, _config(names, tier)
    with RowParts(folder) as parts:
        for name in names:
            for frame in _rows(name, shared, config, rng):
                parts.add(frame)
                count += len(frame)
        parts.finish()
    checks = pd.DataFrame(columns=list(CHECK_COLUMNS)).astype(CHECK_COLUMNS)
    write_table(checks, CHECK_COLUMNS, folder / "checks.parquet")
    with TransferRows(folder) as transfers:
        for rows in _transfer_rows(shared, config, rng) if tier else ():
            transfers.add(rows[list(TRANSFER_COLUMNS)])
        transfers.finish()
    fer = {"label_set": "fer", "classes": SCHEMES["fer"].classes, "weights_sha256": "0" * 64}
    data = {"name": "synthetic", "split": "PublicTest", "sha256": "0" * 64, "rows": faces}
    data |= {"generated": True, "notice": "", "labelled": {"fer": faces, "ferplus": faces}}
    manifest = {"started": "2026-01-01T00:00:00+00:00", "config": config.to_json()}
    manifest |= {"data": data, "models": dict.fromkeys(names, fer), "perturbations": []}
    write_manifest(manifest, folder / "manifest.json")
    return count


def _config(names: list[str], tier: str) -> "RunConfig":
    from attacks.threat_model import Norm, parse_eps
    from datasets.faceset import Split
    from datasets.labels import LabelSet
    from evaluation.config import AttackSettings, RunConfig
    from evaluation.tiers import read_tier, tier_path

    settings = read_tier(tier_path(tier)) if tier else None
    eps, attacks = GRID, tuple(AttackSettings(name=name) for name in ATTACKS)
    if settings:
        eps = tuple(map(parse_eps, settings.eps[Norm.LINF]))
        asked = (attack for attack in settings.attacks if not attack.labels_only)
        attacks = tuple(attack for attack in asked if not attack.black_boxes_only)
    return RunConfig(
        split=Split.PUBLIC_TEST,
        models=tuple(names),
        labels=(LabelSet.FER, LabelSet.FERPLUS),
        tier=tier or "smoke",
        norm=Norm.LINF,
        eps=eps,
        limit=None,
        seed=0,
        severities=settings.severities if settings else SEVERITIES,
        corruptions=settings.corruptions if settings else CORRUPTIONS,
        attacks=attacks,
    )


def _faces(count: int, rng: "np.random.Generator") -> "pd.DataFrame":
    """What a face has in every row, with one vote in ten for another emotion."""
    import numpy as np
    import pandas as pd

    from datasets.labels import FER7, FERPLUS8, translate

    labels = rng.integers(0, 7, count)
    ferplus = translate(labels, FER7, FERPLUS8)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), ferplus] = 9
    votes[np.arange(count), rng.integers(0, 8, count)] += 1
    return pd.DataFrame(
        {"row": np.arange(count), "fer": labels, "ferplus": ferplus, "votes": list(votes)}
    ).assign(leaked=False, near_leaked=False, group=np.arange(count), subgroups=None)


def _rows(
    model: str, shared: "pd.DataFrame", config: "RunConfig", rng: "np.random.Generator"
) -> "list[pd.DataFrame]":
    """Rows of a model: clean, of each corruption, and of each attack under both label sets."""
    import numpy as np
    import pandas as pd

    from evaluation.results.schema import ADDED_COLUMNS, PER_IMAGE_COLUMNS

    count, truth = len(shared), shared.fer.to_numpy()
    clean = np.where(rng.random(count) < 0.7, truth, rng.integers(0, 7, count))
    right = clean == truth

    def frame(prediction: "np.ndarray", **columns: object) -> "pd.DataFrame":
        logits = rng.normal(0, 1, (count, 7)).astype(np.float32)
        logits[np.arange(count), prediction] += 6
        values: dict[str, Any] = dict.fromkeys(ADDED_COLUMNS, np.nan)
        values |= dict.fromkeys(("attacked_labels", "source", "norm"), "")
        values |= {"severity": pd.NA, "label": -1, "smallest_eps": np.nan, "distance": np.nan}
        values |= {name: shared[name] for name in shared} | {"model": model, "forward": 0}
        values |= {"backward": 0, "clean_prediction": clean, "prediction": prediction}
        values |= {"logits": list(logits), "perturbation": "none"} | columns
        return pd.DataFrame(values)[list(PER_IMAGE_COLUMNS)].astype(PER_IMAGE_COLUMNS)

    found = [frame(clean)]
    for corruption in config.corruptions:
        for severity in config.severities:
            moved = rng.random(count) < 0.1 * severity
            worse = np.where(moved, rng.integers(0, 7, count), clean)
            found.append(frame(worse, perturbation=corruption, severity=severity))
    for labels in config.labels:
        for attack in config.attacks:
            grid = np.array([*config.grid_of(attack), np.nan])
            eps = np.where(right, rng.choice(grid, count), 0.0)
            after = np.where(eps > 0, (clean + 1) % 7, clean)
            where = {"attacked_labels": labels, "perturbation": attack.name, "source": model}
            size = np.where(eps > 0, eps, np.nan)
            rows = frame(after, norm="linf", smallest_eps=eps, smallest_eps_8bit=eps, linf=size,
                         l2=48 * size, l1=48 * 48 * size, ssim=1 - size, **where)  # fmt: skip
            found.append(rows[: attack.limit])
    return found


def _transfer_rows(
    shared: "pd.DataFrame", config: "RunConfig", rng: "np.random.Generator"
) -> "Iterator[pd.DataFrame]":
    """Answers of every model to images made on every model, under both label sets."""
    from itertools import product

    import pandas as pd

    for source, model, labels in product(config.models, config.models, config.labels):
        answers = {
            name: rng.integers(0, 7, len(shared)) for name in ("clean_prediction", "prediction")
        }
        where: dict[str, Any] = {"source": source, "model": model, "attacked_labels": str(labels)}
        where |= {"perturbation": "transfer", "norm": "linf", "eps": GRID[-1]}
        yield pd.DataFrame({"row": shared.row, "label": shared.fer, **answers, **where})


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.rescore")
