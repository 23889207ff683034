"""A synthetic finished run: simulated predictions, drawn faces, the real writers."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, SCHEMES, translate
from evaluation.results.files import write_arrays, write_manifest, write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import (
    ADDED_COLUMNS,
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    PER_IMAGE_COLUMNS,
    REGION_ARRAYS,
    RESULT_COLUMNS,
)

FOUR = ("simple_cnn.fer", "mini_xception.fer", "simple_cnn.ferplus", "mini_xception.ferplus")
GRID = (1 / 255, 2 / 255, 4 / 255)
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "contrast", "pixelate", "jpeg")
PARTS = ("eyes", "brows", "nose", "mouth", "rest")
TEN = tuple(f"look_{number}" for number in range(10))


@dataclass(frozen=True)
class Wishes:
    """What the run should look like."""

    models: tuple[str, ...] = FOUR
    label_sets: tuple[str, ...] = ("fer", "ferplus")
    corruptions: tuple[str, ...] = CORRUPTIONS
    examples: int = 12
    count: int = 400
    generated: bool = False
    broken_model: str = ""
    flagged: bool = True
    size: int = 48
    certified: bool = True
    regional: bool = False
    norm: str = "linf"


CALIBRATION = {
    "debiased_ece": 0.06,
    "ece": 0.08,
    "adaptive_ece": 0.05,
    "brier": 0.5,
    "nll": 1.25,
}


def write_run(folder: Path, wishes: Wishes = Wishes()) -> Path:
    """Write a run folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    truth = _truth(wishes.count, rng)
    rows: list[dict[str, Any]] = []
    per_image = []
    for model in wishes.models:
        for label_set in wishes.label_sets:
            lines, images = _score(model, label_set, wishes, truth, rng)
            rows += lines
            per_image.append(images)
    results = pd.DataFrame(rows)
    write_table(results, RESULT_COLUMNS, folder / "results.parquet")
    write_table(pd.concat(per_image), PER_IMAGE_COLUMNS, folder / "per_image.parquet")
    write_table(_comparisons(wishes), COMPARISON_COLUMNS, folder / "comparisons.parquet")
    write_table(_checks(wishes), CHECK_COLUMNS, folder / "checks.parquet")
    write_arrays(_gallery(wishes, truth, rng), GALLERY_ARRAYS, folder / "gallery.npz")
    write_arrays(_disputed(wishes, truth), DISPUTED_ARRAYS, folder / "disputed.npz")
    write_arrays(_regions(wishes), REGION_ARRAYS, folder / "regions.npz")
    write_manifest(_manifest(wishes), folder / "manifest.json")
    return folder


TABLES = (
    *("results", "per_image", "comparisons", "checks", "gallery", "disputed", "regions"),
    "manifest",
)


def replace(run: FinishedRun, **tables: Any) -> FinishedRun:
    """The run with other tables in memory; nothing is written."""
    copy = FinishedRun(run.folder)
    vars(copy).update({name: getattr(run, name) for name in TABLES} | tables)
    return copy


def robust_first(run: FinishedRun) -> FinishedRun:
    """The first model of each label set withstands every attack, so it ranks first alone."""
    lines = run.per_image.copy()
    first = [run.models_of(label_set)[0] for label_set in run.label_sets]
    lines.loc[lines.model.isin(first) & (lines.attacked_labels != ""), "smallest_eps"] = np.nan
    return replace(run, per_image=lines)


def classes_of(model: str) -> tuple[str, ...]:
    """Classes of a model by its id; a foreign one has ten."""
    scheme = SCHEMES.get(model.rpartition(".")[2])
    return scheme.classes if scheme else TEN


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % Wilson interval."""
    if total == 0:
        return float("nan"), float("nan")
    z, share = 1.959964, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def face(label: int, seed: int, size: int = 48) -> np.ndarray:
    """A drawn grey face, uint8 (size, size, 1), whose mouth and brows follow its label."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] * (48 / size)
    image = 60 + 20 * rng.random() + 0.6 * x
    head = ((x - 24) / 16) ** 2 + ((y - 25) / 20) ** 2
    image = np.where(head < 1, 190 - 50 * head, image)
    for centre in (17, 31):
        image = np.where(((x - centre) / 3.2) ** 2 + ((y - 20) / 2) ** 2 < 1, 60, image)
        brow = 14 + (label % 3 - 1) * (abs(x - 24) - 7) * 0.3
        image = np.where((abs(x - centre) < 4) & (abs(y - brow) < 1), 70, image)
    curve = 36 + (label % 5 - 2) * 0.02 * ((x - 24) ** 2 - 30)
    image = np.where((abs(x - 24) < 8) & (abs(y - curve) < 1.4), 70, image)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)[..., None]


def _truth(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    fer = rng.choice(7, count, p=[0.13, 0.015, 0.14, 0.25, 0.18, 0.115, 0.17])
    ferplus = translate(fer, FER7, FERPLUS8)
    relabelled = rng.random(count) < 0.3
    ferplus = np.where(relabelled, rng.choice(8, count), ferplus)
    return {"fer": fer, "ferplus": np.where(rng.random(count) < 0.1, -1, ferplus)}


def _score(
    model: str,
    label_set: str,
    wishes: Wishes,
    truth: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    classes = SCHEMES[label_set].classes
    label = truth[label_set][truth[label_set] >= 0]
    own = model.endswith("." + label_set)
    accuracy = (0.64 if label_set == "fer" else 0.76) - (0 if own else 0.08)
    accuracy -= 0.01 * wishes.models.index(model)
    right = rng.random(len(label)) < accuracy
    wrong = (label + rng.integers(1, len(classes), len(label))) % len(classes)
    clean = np.where(right, label, wrong)
    smallest = np.where(right, rng.exponential(0.9 / 255, len(label)), 0)
    goal = np.where(label == 4, 0, 4)
    base = {"model": model, "label_set": label_set, "split": "PublicTest", "seed": 0}
    base |= {"status": "ok", "subset": "all", "detail": "", "severity": pd.NA, "source": ""}
    no_attack = base | {"attacked_labels": "", "perturbation": "none", "norm": "", "eps": 0.0}
    rows = [
        _rate(no_attack, "accuracy", int(right.sum()), len(label)),
        _rate(
            no_attack | {"subset": "no_leak"}, "accuracy", int(right[20:].sum()), len(label) - 20
        ),
        _plain(no_attack, "balanced_accuracy", accuracy - 0.04, len(label)),
        _plain(no_attack, "macro_f1", accuracy - 0.05, len(label)),
        _plain(no_attack, "majority_share", np.bincount(label).max() / len(label), len(label)),
    ]
    for index, name in enumerate(classes):
        of_class = no_attack | {"subset": f"class:{name}"}
        here = label == index
        rows.append(_rate(of_class, "recall", int((right & here).sum()), int(here.sum())))
    rows += _confusion(no_attack, label, clean, classes)
    rows += _calibration(no_attack, right)
    rows += _votes(no_attack, model, label_set, wishes, right)
    failed = model == wishes.broken_model
    attacked = no_attack | {"attacked_labels": label_set, "source": model, "norm": wishes.norm}
    for eps in GRID:
        strength = {"fgsm": 0.6, "pgd": 1.0, "worst_case": 1.0, "noise": 0.03}
        for perturbation, factor in strength.items():
            here = attacked | {"perturbation": perturbation, "eps": eps}
            if failed and perturbation != "noise":
                empty = here | {"status": "error"}
                rows.append(_plain(empty, "robust_accuracy", float("nan"), 0))
                continue
            if perturbation == "pgd" and wishes.flagged and model == wishes.models[0]:
                here["status"] = "flagged"
            stood = right & (smallest > eps * factor)
            rows.append(_rate(here, "robust_accuracy", int(stood.sum()), len(label)))
            broken = int((right & ~stood).sum())
            rows.append(_rate(here, "attack_success_rate", broken, int(right.sum())))
            if perturbation in ("pgd", "worst_case"):
                after = np.where(stood | ~right, clean, goal)
                rows += _confusion(here, label, after, classes)
            if perturbation == "worst_case":
                rows += _calibration(here, stood)
                rows += _flows(here, label, right & ~stood, right, goal, classes)
                rows += _votes(here, model, label_set, wishes, stood)
                rows.append(_rate(here, "plausible_flip", broken // 5, broken))
                rows += _sizes(here, smallest[right & ~stood])
                hard = broken - broken // 5
                rows.append(_rate(here, "implausible_success_rate", hard, int(right.sum())))
    for perturbation in () if failed else ("fgsm", "pgd", "worst_case"):
        here = attacked | {"perturbation": perturbation}
        stands = perturbation == "fgsm" or not model.endswith(".fer")
        median = float("inf") if stands else GRID[0]
        at = here | {"eps": GRID[2]}
        for name, value in (
            ("lower_quartile", 0.5 / 255),
            ("median", median),
            ("upper_quartile", float("inf")),
        ):
            row = _plain(at, f"{name}_smallest_eps", value, int(right.sum()))
            rows.append(row | {"ci_low": float("nan"), "ci_high": float("nan")})
        rows.append(_plain(at, "security_curve_area", accuracy / 4, len(label)))
    for number, corruption in enumerate(wishes.corruptions):
        for severity in (1, 3, 5):
            hit = right & (rng.random(len(label)) > 0.03 * severity * (number + 1))
            here = no_attack | {"perturbation": corruption, "severity": severity}
            here["eps"] = float("nan")
            rows.append(_rate(here, "accuracy", int(hit.sum()), len(label)))
        here = no_attack | {"perturbation": corruption, "eps": float("nan")}
        rows.append(_plain(here, "mean_corruption_accuracy", accuracy / 2, len(label)))
        ratio = here | {"detail": f"simple_cnn.{label_set}"}
        rows.append(_plain(ratio, "corruption_error", 0.9 + number / 10, len(label)))
    if wishes.corruptions:
        here = no_attack | {"perturbation": "corruptions", "eps": float("nan")}
        rows.append(_plain(here, "mean_corruption_accuracy", accuracy / 2, len(label)))
        ratio = here | {"detail": f"simple_cnn.{label_set}"}
        rows.append(_plain(ratio, "mce", 1.05, len(label)))
        rows.append(_plain(ratio, "relative_mce", 0.87, len(label)))
    rows += _transfer(attacked, wishes, int(right.sum()))
    if wishes.regional:
        rows += _regional(attacked, int(right.sum()))
    if wishes.certified:
        rows += _certified(no_attack | {"source": model}, right)
    return rows, _images(model, label_set, wishes.norm, truth, clean, smallest)


def _certified(base: dict[str, Any], right: np.ndarray) -> list[dict[str, Any]]:
    """Smoothing by 0.1 abstains on every tenth face and certifies fewer with the radius."""
    here = base | {"perturbation": "smooth0.1", "norm": "l2"}
    rows = [_rate(here, "abstention", len(right) // 10, len(right))]
    for step in range(17):
        held = round(0.8 * right.sum() * max(0.0, 1 - step / 10))
        rows.append(_rate(here | {"eps": step * 0.025}, "certified_accuracy", held, len(right)))
    return rows


def _transfer(attacked: dict[str, Any], wishes: Wishes, right: int) -> list[dict[str, Any]]:
    """Nine tenths fall to an attack on the model itself, a half to one on another."""
    rows = []
    for source in wishes.models if len(wishes.models) > 1 else ():
        here = attacked | {"perturbation": "transfer", "source": source, "eps": GRID[2]}
        broken = right * 9 // 10 if source == attacked["model"] else right // 2
        rows.append(_rate(here, "transfer_success_rate", broken, right))
        rows.append(_rate(here, "transfer_accuracy", right - broken, wishes.count))
    return rows


def _regional(attacked: dict[str, Any], right: int) -> list[dict[str, Any]]:
    """A tenth of the faces falls to the eyes, two to the brows and so on."""
    rows = []
    for number, name in enumerate(PARTS, 1):
        here = attacked | {"perturbation": f"pgd_{name}", "eps": GRID[2]}
        rows.append(_rate(here, "attack_success_rate", right * number // 10, right))
    return rows


def _regions(wishes: Wishes) -> dict[str, np.ndarray]:
    """Five bands of one height."""
    size = wishes.size
    band = np.minimum(np.arange(size) * 5 // size, 4).astype(np.uint8)
    return {
        "mean_face": face(0, 0, size),
        "region": np.repeat(band[:, None], size, axis=1),
        "name": np.array(PARTS if wishes.regional else [], dtype="<U5"),
        "share": np.full(5 if wishes.regional else 0, 0.2),
    }


def _sizes(here: dict[str, Any], smallest: np.ndarray) -> list[dict[str, Any]]:
    """Medians over the broken faces; the explanation's belongs to the attack itself."""
    middle = float(np.median(smallest)) if len(smallest) else float("nan")
    sizes = {"linf": middle, "l2": 40 * middle, "l1": 2000 * middle, "ssim": 0.97}
    rows = [_plain(here, f"median_{name}", value, len(smallest)) for name, value in sizes.items()]
    shift = here | {"perturbation": "pgd"}
    rows.append(_plain(shift, "median_cam_shift", 0.31, len(smallest)))
    return [row | {"ci_low": 0.9 * row["value"], "ci_high": 1.02 * row["value"]} for row in rows]


def _calibration(base: dict[str, Any], right: np.ndarray) -> list[dict[str, Any]]:
    """Four filled bins of equally many images, and the measures."""
    rows = [
        _plain(base, metric, value, len(right))
        for metric, value in (
            ("debiased_ece", 0.06),
            ("ece", 0.08),
            ("adaptive_ece", 0.05),
            ("brier", 0.5),
            ("nll", 1.25),
        )
    ]
    for index, part in enumerate(np.array_split(right, 4)):
        low = 0.2 + index / 5
        here = base | {"detail": f"{low:.3f}-{low + 0.2:.3f}"}
        rows.append(_rate(here, "bin_accuracy", int(part.sum()), len(part)))
        rows.append(_plain(here, "bin_confidence", low + 0.1, len(part)))
    return rows


def _votes(
    base: dict[str, Any], model: str, label_set: str, wishes: Wishes, right: np.ndarray
) -> list[dict[str, Any]]:
    """Strata, power and, where both label sets score, label noise."""
    clean = base["perturbation"] == "none"
    half = len(right) // 2
    clear, ambiguous = base | {"subset": "clear"}, base | {"subset": "ambiguous"}
    accuracy = "accuracy" if clean else "robust_accuracy"
    rows = [
        _rate(clear, accuracy, int(right[:half].sum()), half),
        _rate(ambiguous, accuracy, int(right[half:].sum()) // 2, len(right) - half),
    ]
    for kind, value in (("paired", 0.041), ("unpaired", 0.093)):
        row = _plain(base | {"detail": kind}, "smallest_difference", value, len(right))
        rows.append(row | {"ci_low": float("nan"), "ci_high": float("nan")})
    if len(wishes.label_sets) < 2:
        return rows
    if label_set == "ferplus":
        rows.append(_plain(base, "expected_agreement", 0.5 if clean else 0.06, len(right)))
        rows.append(_plain(base | {"detail": "minus fer"}, "label_gap", 0.02, len(right)))
    else:
        rows.append(_plain(base, "label_noise_share", 0.61 if clean else 0.33, len(right)))
        if clean:
            rows.append(_plain(base, "oracle_accuracy", 0.67, len(right)))
            rows.append(_plain(base, "oracle_faces_accuracy", 0.64, len(right)))
    return rows


def _flows(
    base: dict[str, Any],
    label: np.ndarray,
    broken: np.ndarray,
    right: np.ndarray,
    goal: np.ndarray,
    classes: tuple[str, ...],
) -> list[dict[str, Any]]:
    rows = []
    for index, name in enumerate(classes):
        before = int((right & (label == index)).sum())
        for other, other_name in enumerate(classes):
            if other != index:
                moved = int((broken & (label == index) & (goal == other)).sum())
                here = base | {"subset": f"class:{name}", "detail": other_name}
                rows.append(_rate(here, "flow", moved, before))
    return rows


def _images(
    model: str,
    label_set: str,
    norm: str,
    truth: dict[str, np.ndarray],
    clean: np.ndarray,
    smallest: np.ndarray,
) -> pd.DataFrame:
    rows = np.flatnonzero(truth[label_set] >= 0)
    frame = pd.DataFrame({"row": rows})
    frame["model"], frame["attacked_labels"] = model, label_set
    frame["perturbation"], frame["source"], frame["norm"] = "pgd", model, norm
    frame["severity"] = pd.array([pd.NA] * len(rows), dtype="Int64")
    frame["fer"], frame["ferplus"] = truth["fer"][rows], truth["ferplus"][rows]
    frame["votes"] = [_taggers(truth["fer"][row], truth["ferplus"][row]) for row in rows]
    frame["leaked"] = False
    frame["label"], frame["clean_prediction"], frame["prediction"] = (
        truth[label_set][rows],
        clean,
        4,
    )
    frame["logits"] = [[0.0] * 7 for _ in rows]
    frame["smallest_eps"], frame["distance"] = smallest, smallest
    frame["forward"], frame["backward"] = 11, 10
    moved = np.where(smallest > 0, smallest, np.nan)
    frame["linf"], frame["l2"], frame["l1"] = moved, 40 * moved, 2000 * moved
    frame["ssim"], frame["cam_shift"] = 1 - 3 * moved, np.minimum(60 * moved, 1)
    unharmed: dict[str, Any] = dict.fromkeys(("attacked_labels", "source", "norm"), "")
    unharmed |= {"perturbation": "none"}
    unharmed |= {"label": -1, "prediction": clean, "smallest_eps": np.nan, "distance": np.nan}
    unharmed |= dict.fromkeys(ADDED_COLUMNS, np.nan)
    return pd.concat([frame.assign(**unharmed, forward=0, backward=0), frame], ignore_index=True)


def _taggers(fer: int, ferplus: int) -> list[int]:
    """Ten votes: seven for the FER+ label, three for what FER says."""
    votes = [0] * 10
    votes[int(ferplus) if ferplus >= 0 else 8] += 7
    votes[int(translate(np.array([fer]), FER7, FERPLUS8)[0])] += 3
    return votes


def _disputed(wishes: Wishes, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first six faces that the label sets call differently."""
    differ = (translate(truth["fer"], FER7, FERPLUS8) != truth["ferplus"]) & (truth["ferplus"] >= 0)
    rows = np.flatnonzero(differ)[: 6 if len(wishes.label_sets) == 2 else 0]
    faces = [face(int(truth["fer"][row]), int(row), wishes.size) for row in rows]
    shape = (0, wishes.size, wishes.size, 1)
    return {"row": rows, "image": np.stack(faces) if faces else np.empty(shape, np.uint8)}


def _rate(base: dict[str, Any], metric: str, right: int, total: int) -> dict[str, Any]:
    low, high = wilson(right, total)
    value = right / total if total else float("nan")
    return base | {"metric": metric, "value": value, "ci_low": low, "ci_high": high, "n": total}


def _plain(base: dict[str, Any], metric: str, value: float, total: int) -> dict[str, Any]:
    return base | {
        "metric": metric,
        "value": value,
        "ci_low": value - 0.03,
        "ci_high": value + 0.03,
        "n": total,
    }


def _confusion(
    base: dict[str, Any], label: np.ndarray, prediction: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    rows = []
    for index, name in enumerate(classes):
        predicted = prediction[label == index]
        for other, other_name in enumerate(classes):
            cell = base | {"subset": f"class:{name}", "detail": other_name}
            rows.append(_rate(cell, "confusion", int((predicted == other).sum()), len(predicted)))
    return rows


def _comparisons(wishes: Wishes) -> pd.DataFrame:
    rows = []
    for label_set in wishes.label_sets:
        own = [model for model in wishes.models if model.endswith("." + label_set)]
        for first, second in pairwise(own):
            for perturbation, norm, eps in (
                ("none", "", 0.0),
                ("worst_case", wishes.norm, GRID[2]),
            ):
                rows.append(
                    {
                        "model_a": first,
                        "model_b": second,
                        "label_set": label_set,
                        "perturbation": perturbation,
                        "norm": norm,
                        "eps": eps,
                        "n": wishes.count,
                        "only_a_right": 12,
                        "only_b_right": 9,
                        "difference": 3 / wishes.count,
                        "p_value": 0.66,
                        "p_holm": 1.0,
                        "distinguishable": False,
                    }
                )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _checks(wishes: Wishes) -> pd.DataFrame:
    rows = []
    for model in wishes.models:
        for rule, check in (
            ("R2", "predicted again from disk"),
            ("R5", "pgd beats fgsm"),
            ("R8", "noise"),
        ):
            rows.append([model, "fer", "pgd", rule, check, "ok", 0.0, 0.0, "as expected"])
    if wishes.flagged:
        message = "doubling the steps broke 1.2 % more images: not converged"
        model = wishes.models[0]
        rows.append([model, "fer", "pgd", "R6", "converged", "flagged", 0.012, 0.005, message])
    if wishes.broken_model:
        message = "the attack made no gradient call"
        rows.append(
            [wishes.broken_model, "fer", "pgd", "R24", "gradient_calls", "error", 0, 1, message]
        )
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def _gallery(
    wishes: Wishes, truth: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    total, size = wishes.examples, wishes.size
    models = [wishes.models[index % len(wishes.models)] for index in range(total)]
    widest = max(len(classes_of(model)) for model in wishes.models)
    names = np.full((total, widest), "", dtype="<U16")
    before = np.full((total, widest), np.nan, dtype=np.float32)
    after = before.copy()
    clean = np.zeros((total, size, size, 1), dtype=np.uint8)
    labels = []
    for index, model in enumerate(models):
        classes = classes_of(model)
        label = int(truth["fer"][index]) % len(classes)
        labels.append(classes[label])
        names[index, : len(classes)] = classes
        logits = rng.normal(0, 0.6, len(classes))
        before[index, : len(classes)] = _softmax(logits + 3 * np.eye(len(classes))[label])
        other = (label + 1 + index % 3) % len(classes)
        reached = label if index % 6 == 5 else other
        after[index, : len(classes)] = _softmax(logits + 2.5 * np.eye(len(classes))[reached])
        clean[index] = face(label, index, size)
    eps = np.array([np.nan if index % 6 == 5 else GRID[index % 3] for index in range(total)])
    step = (
        np.sign(rng.normal(size=clean.shape)) * np.nan_to_num(eps, nan=GRID[2])[:, None, None, None]
    )
    return {
        "row": np.arange(total) * 7,
        "model": np.array(models, dtype=str),
        "attacked_labels": np.array([model.rpartition(".")[2] for model in models], dtype=str),
        "perturbation": np.array(["pgd", "fgsm"] * total, dtype=str)[:total],
        "norm": np.array([wishes.norm] * total, dtype=str),
        "eps": eps,
        "label": np.array(labels, dtype=str),
        "clean": clean,
        "attacked": np.clip(clean / 255 + step, 0, 1).astype(np.float32),
        "classes": names,
        "clean_probabilities": before,
        "attacked_probabilities": after,
        "survives_8bit": np.arange(total) % 4 != 2,
        "clean_cam": _spots(total, size, 0.4),
        "attacked_cam": _spots(total, size, 0.7),
    }


def _spots(total: int, size: int, height: float) -> np.ndarray:
    """A warm spot on every second face."""
    y, x = np.mgrid[0:size, 0:size] / size
    spot = np.exp(-((x - 0.5) ** 2 + (y - height) ** 2) / 0.02)
    even = np.arange(total) % 2 == 0
    return np.rint(255 * spot * even[:, None, None]).astype(np.uint8)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _manifest(wishes: Wishes) -> dict[str, Any]:
    attacks = [
        {
            "perturbation": name,
            "norm": wishes.norm,
            "grid": [float(eps) for eps in GRID],
            "options": options,
            "attacked_labels": label_set,
            "model": model,
            "key": "0" * 64,
            "forward": wishes.count * 11,
            "backward": wishes.count * 10 if name != "noise" else 0,
            "seconds": 3.14,
            "chunks": 4,
            "reused_chunks": 0,
            "status": "error" if model == wishes.broken_model and name == "pgd" else "ok",
            "message": "loss is NaN" if model == wishes.broken_model and name == "pgd" else "",
        }
        for model in wishes.models
        for label_set in wishes.label_sets
        for name, options in (
            ("fgsm", {}),
            ("pgd", {"steps": 10, "restarts": 1, "step_size": 0.25}),
            ("noise", {}),
        )
    ]
    return {
        "deadpan_version": "0.1.0",
        "started": "2026-11-21T09:00:00+00:00",
        "seconds": 142.3,
        "peak_memory_mb": 2130.0,
        "command": "python -m evaluation.run --models starter --limit 400",
        "config": {
            "models": list(wishes.models),
            "labels": list(wishes.label_sets),
            "tier": "smoke",
            "eps": ["1/255", "2/255", "4/255"],
            "norms": [wishes.norm],
            "seed": 0,
            "limit": wishes.count,
        },
        "data": {
            "name": "sample" if wishes.generated else "fer2013",
            "split": "PublicTest",
            "sha256": "ab" * 32,
            "rows": wishes.count,
            "leaked": 31,
            "generated": wishes.generated,
            "notice": "FER2013: see https://example.org <here>" if wishes.generated else "",
            "labelled": {
                name: wishes.count - 40 * (name == "ferplus") for name in wishes.label_sets
            },
        },
        "models": {
            model: {
                "architecture": model.partition(".")[0],
                "label_set": model.rpartition(".")[2],
                "classes": list(classes_of(model)),
                "parameters": 58_423 + 1000 * index,
                "weights_sha256": "cd" * 32,
                "card": {"recipe": "adam", "seed": 1},
            }
            for index, model in enumerate(wishes.models)
        },
        "perturbations": attacks,
        "environment": {"python": "3.12", "tensorflow": "2.21.0", "cpu": "2 cores"},
    }
