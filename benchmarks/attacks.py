"""`python -m benchmarks.attacks --data DIR --limit N --out FILE.csv`: against ART and foolbox.

Both sides attack the same correctly classified images of the same model in one process, on the
same threads, at equal norm, eps and steps or queries, after one untimed call each. They alternate
after every batch, so that other load on the machine affects both. One row per model, attack, eps
and judge:

    model, attack, norm, eps, images, ours_seconds, theirs_seconds, ratio (theirs / ours),
    ours_robust, theirs_robust (shares of all images, right on clean and attacked), judge,
    precision, ours_forward, ours_backward, theirs_forward, theirs_backward (passes per attacked
    image; empty where a library does not count them), ours_processor, theirs_processor (seconds of
    processor time, all threads), ours_only, theirs_only

`ours_only` and `theirs_only` count the images that only one side broke. With `--repeats` seconds
and ratio are medians. `ensemble` and its judges `ensemble_full`, ours too, and `autoattack` run at
their own budgets. With `--pytorch` the nets are ported to PyTorch first, PGD and APGD are measured
against plain loops in PyTorch (`benchmarks/bare_pytorch.py`), and the ensemble against its authors'
AutoAttack (`benchmarks/auto_attack.py`); `--judge torchattacks` names a further one, which needs an
environment of its own (`benchmarks/torch_attacks.py`). `--models digits28` is a small net of ten
classes on images of 28x28 pixels, trained on the spot (`benchmarks/digits.py`).

Precision is that of our gradients and queries, chosen as in a long run: by a trial at this eps,
whose seconds are not in the table. Images of a judge are projected to eps and [0, 1], and predicted
again by our classifier. Every model is measured in a process of its own.
Needs `pip install -e .[bench]`.
"""

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attacks.precision import Precision
from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.labels import LabelSet

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from attacks.threat_model import Norm
    from benchmarks.attacker import Attacker, OwnAttacker
    from fer_models.classifier import Classifier, DifferentiableClassifier

Option = typer.Option
BATCH = 100
_FIRST_COLUMNS = b"model,attack"
NAMES = ("pgd", "apgd", "square", "fmn", "deepfool", "ensemble", "hop_skip_jump")
OWN_BUDGETS = ("ensemble",)
"""Attacks that run at their default budgets, whatever `--steps` and `--queries` say."""
UNDER_L2 = ("deepfool",)
"""Attacks that exist under L2 only; the others are measured under linf."""
DIGITS = "digits28"


def main(
    data: Annotated[Path, Option(help="FER2013 csv, archive or folder, or image folders.")],
    out: Annotated[Path, Option(help="The csv file; rows are appended as they are measured.")],
    models: Annotated[
        str,
        Option(help="starter, all, ids and folders: ID,ID,.., or digits28, also digits28+DEFENCE."),
    ] = "starter",
    attacks: Annotated[
        str, Option(help=f"Some of {', '.join(NAMES)}; the last is slow.")
    ] = "pgd,apgd,square,fmn",
    eps: Annotated[str, Option(help="eps grid for linf, such as 1/255,4/255.")] = "1/255,4/255",
    eps_l2: Annotated[str, Option(help="eps grid for l2, for deepfool.")] = "0.25,1",
    split: Annotated[Split, Option(help="Part of the data.")] = Split.PUBLIC_TEST,
    limit: Annotated[int, Option(min=1, help="Number of faces.")] = 500,
    steps: Annotated[int, Option(min=1, help="Steps of all attacks but square, one restart.")] = 20,
    queries: Annotated[int, Option(min=1, help="Forward passes per image, for square.")] = 200,
    repeats: Annotated[int, Option(min=1, help="Times to measure; medians count.")] = 1,
    precision: Annotated[Precision, Option(help="Precision of our gradients.")] = Precision.AUTO,
    pytorch: Annotated[
        bool, Option("--pytorch", help="Port the nets to PyTorch; judges are plain loops there.")
    ] = False,
    judge: Annotated[
        str | None,
        Option(help="Only this one, such as art; torchattacks needs an own environment."),
    ] = None,
) -> None:
    """Measure our attacks against other libraries' on the same model and images."""
    from attacks.threat_model import Norm, check_eps, parse_eps

    grids = {Norm.LINF: eps, Norm.L2: eps_l2}
    grid = {norm: [parse_eps(word) for word in text.split(",")] for norm, text in grids.items()}
    for norm in grid:
        for value in grid[norm]:
            check_eps(value, norm)
    names = [name.strip() for name in attacks.split(",")]
    if unknown := set(names) - set(NAMES):
        raise InputError(f"--attacks must be among {', '.join(NAMES)}; got {sorted(unknown)[0]!r}.")
    from fer_models import zoo

    ids = [models] if zoo.split_defences(models)[0] == DIGITS else zoo.resolve(models)
    _check_own(out)
    if len(ids) > 1:
        _each_alone(ids, out)
        return
    from fer_models.backend import quiet_backend

    quiet_backend()
    from benchmarks.judges import APART, JUDGES, ON_PYTORCH

    asked = {judge} if judge else {other for _, other in JUDGES if other != APART}
    pairs = [pair for pair in JUDGES if pair[0] in names and pair[1] in asked]
    pairs = [pair for pair in pairs if (pair[1] in ON_PYTORCH) == pytorch]
    if not pairs:
        whose = f"--judge {judge}" if judge else "The default of --judge"
        raise InputError(
            f"{whose} has none of {', '.join(names)} {'with' if pytorch else 'without'} "
            "--pytorch. Name another judge or other attacks."
        )
    classifier, images, labels = _faces(ids[0], data, split, limit)
    if pytorch:
        classifier = _ported(classifier)
    for name, rival in pairs:
        budget = None if name in OWN_BUDGETS else queries if name == "square" else steps
        for value in grid[_norm(name)]:
            row = _measure(
                classifier, images, labels, name, rival, value, budget, precision, repeats
            )
            _append(row, out)
            print(", ".join(f"{key} {_short(entry)}" for key, entry in row.items()), flush=True)


def _norm(name: str) -> "Norm":
    from attacks.threat_model import Norm

    return Norm.L2 if name in UNDER_L2 else Norm.LINF


def _each_alone(ids: list[str], out: Path) -> None:
    """Run this command for each model in a process of its own; each adds its rows."""
    for model in ids:
        again = [sys.executable, "-m", "benchmarks.attacks", *sys.argv[1:], "--models", model]
        if subprocess.run(again).returncode:
            raise InputError(f"{model}: its measurement failed; rows so far are in {out}.")


def _check_own(out: Path) -> None:
    """Refuse a file that is not a table of this benchmark."""
    if not out.exists():
        return
    with out.open("rb") as file:
        start = file.read(len(_FIRST_COLUMNS))
    if start != _FIRST_COLUMNS:
        raise InputError(f"--out must be new, or a table of this benchmark; got {out}.")


def _append(row: dict[str, Any], out: Path) -> None:
    import pandas as pd

    before = [pd.read_csv(out)] if out.exists() else []
    with atomic(out) as unfinished:
        pd.concat([*before, pd.DataFrame([row])]).to_csv(unfinished, index=False)


def _faces(
    model: str, data: Path, split: Split, limit: int
) -> "tuple[DifferentiableClassifier, np.ndarray, np.ndarray]":
    """Classifier, images float32 in [0, 1], labels under its own label set."""
    import numpy as np

    from fer_models import zoo
    from fer_models.classifier import DifferentiableClassifier

    base, names = zoo.split_defences(model)
    if base == DIGITS:
        from benchmarks.digits import digits28
        from fer_models.defences.registry import defended, parse_defences

        defences = parse_defences(names)
        net, images, labels = digits28(limit)
        classifier = defended(net, defences)
        assert isinstance(classifier, DifferentiableClassifier)
        return classifier, images, labels
    from datasets.read import load

    classifier = zoo.load(model)
    if not isinstance(classifier, DifferentiableClassifier):
        raise InputError(f"{model} has no gradients to compare attacks by. Choose another.")
    label_set = LabelSet.FER if classifier.scheme.num_classes == 7 else LabelSet.FERPLUS
    faces = load(data, split).limit(limit, 0)
    translated = faces.labels(label_set).to(classifier.scheme)
    images = faces.take(translated.present).images.astype(np.float32) / np.float32(255)
    return classifier, images, translated.values[translated.present]


def _ported(classifier: "DifferentiableClassifier") -> "DifferentiableClassifier":
    """The same net in PyTorch."""
    from fer_models.keras_classifier import KerasClassifier
    from fer_models.pytorch.classifier import wrap_torch
    from fer_models.pytorch.port import port

    if not isinstance(classifier, KerasClassifier):
        raise InputError(
            f"{classifier.id} is not a Keras net and cannot be ported. Choose another."
        )
    return wrap_torch(
        port(classifier.model), classifier.contract, model_id=f"{classifier.id} in PyTorch"
    )


def _measure(
    classifier: "DifferentiableClassifier",
    images: "np.ndarray",
    labels: "np.ndarray",
    name: str,
    judge: str,
    eps: float,
    budget: int | None,
    precision: Precision = Precision.AUTO,
    repeats: int = 1,
) -> dict[str, Any]:
    """One row of the table."""
    import numpy as np

    from attacks.registry import ATTACKS
    from attacks.threat_model import format_eps, project
    from benchmarks.judges import JUDGES

    right = classifier.predict(images) == labels
    clean, true = images[right], labels[right]
    theirs = JUDGES[name, judge]
    auto = precision is Precision.AUTO and ATTACKS[name].reduced_precision
    mine = _in_best_precision(classifier, images, labels, name, eps) if auto else classifier
    sides: dict[str, Callable[[int | None], Attacker]] = {
        "ours": lambda amount: _ours(mine, name, eps, amount),
        "theirs": lambda amount: theirs(
            mine if name in OWN_BUDGETS else classifier, clean.shape[1:], name, eps, amount, BATCH
        ),
    }
    for make in sides.values():
        make(2)(clean[:BATCH], true[:BATCH])  # compiles, fills caches
    attackers = {side: make(budget) for side, make in sides.items()}
    taken = {side: np.zeros((repeats, 2)) for side in sides}  # seconds, and processor's
    for repeat in range(repeats):
        kept: dict[str, list[np.ndarray]] = {side: [] for side in sides}
        for start in range(0, len(clean), BATCH):
            part, classes = clean[start : start + BATCH], true[start : start + BATCH]
            for side, attack in attackers.items():
                began = np.array([time.perf_counter(), time.process_time()])
                attacked = attack(part, classes)
                taken[side][repeat] += [time.perf_counter(), time.process_time()] - began
                attacked = project(attacked, part, eps, _norm(name))
                kept[side].append(classifier.predict(attacked) == classes)
    robust = {side: np.concatenate([np.zeros(0, bool), *parts]) for side, parts in kept.items()}
    seconds, processor = ({s: np.median(taken[s][:, i]) for s in sides} for i in (0, 1))
    return {
        "model": classifier.id,
        "attack": name,
        "norm": str(_norm(name)),
        "eps": format_eps(eps),
        "images": len(images),
        **{f"{side}_seconds": value for side, value in seconds.items()},
        "ratio": np.median(taken["theirs"][:, 0] / taken["ours"][:, 0]),
        **{f"{side}_robust": rows.sum() / len(images) for side, rows in robust.items()},
        "judge": judge,
        "precision": mine.precision,
        **{
            f"{side}_{way}": getattr(attacker, way, math.nan) / max(len(clean), 1) / repeats
            for side, attacker in attackers.items()
            for way in ("forward", "backward")
        },
        **{f"{side}_processor": value for side, value in processor.items()},
        "ours_only": int((robust["theirs"] & ~robust["ours"]).sum()),
        "theirs_only": int((robust["ours"] & ~robust["theirs"]).sum()),
    }


def _in_best_precision(
    classifier: "Classifier", images: "np.ndarray", labels: "np.ndarray", name: str, eps: float
) -> "Classifier":
    """The classifier in the precision that a long run of this attack chooses."""
    import numpy as np

    from attacks.precision_trial import try_reduced_precision
    from attacks.registry import attack_spec

    spec = attack_spec(name, _norm(name), (eps,), LabelSet.FER)
    rows = np.arange(len(images))
    return try_reduced_precision(classifier, images, labels, rows, [spec], sys.maxsize)[0]


def _ours(classifier: "Classifier", name: str, eps: float, budget: int | None) -> "OwnAttacker":
    from attacks.precision_trial import BUDGETS
    from attacks.registry import make_attack
    from benchmarks.attacker import OwnAttacker

    options = BUDGETS if name in OWN_BUDGETS else ("queries" if name == "square" else "steps",)
    chosen = {} if budget is None else dict.fromkeys(options, budget)
    return OwnAttacker(make_attack(name, _norm(name), eps, chosen), classifier)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.attacks")
