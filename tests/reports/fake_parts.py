"""Figures of a synthetic run beside its accuracies: calibration, votes, flows, transfer, sizes."""

from typing import Any

import numpy as np

from tests.reports.fake_rows import plain, rate
from tests.reports.wishes import GRID, PARTS, Wishes


def certified_rows(base: dict[str, Any], right: np.ndarray) -> list[dict[str, Any]]:
    """Smoothing by 0.1 abstains on every tenth face and certifies fewer with the radius."""
    here = base | {"perturbation": "smooth0.1", "norm": "l2"}
    rows = [rate(here, "abstention", len(right) // 10, len(right))]
    for step in range(17):
        held = round(0.8 * right.sum() * max(0.0, 1 - step / 10))
        rows.append(rate(here | {"eps": step * 0.025}, "certified_accuracy", held, len(right)))
    return rows


def transfer_rows(attacked: dict[str, Any], wishes: Wishes, right: int) -> list[dict[str, Any]]:
    """Nine tenths fall to an attack on the model itself, a half to one on another."""
    rows = []
    for source in wishes.models if len(wishes.models) > 1 else ():
        here = attacked | {"perturbation": "transfer", "source": source, "eps": GRID[2]}
        broken = right * 9 // 10 if source == attacked["model"] else right // 2
        rows.append(rate(here, "transfer_success_rate", broken, right))
        rows.append(rate(here, "transfer_accuracy", right - broken, wishes.count))
    return rows


def regional_rows(attacked: dict[str, Any], right: int) -> list[dict[str, Any]]:
    """A tenth of the faces falls to the eyes, two to the brows and so on."""
    rows = []
    for number, name in enumerate(PARTS, 1):
        here = attacked | {"perturbation": f"pgd_{name}", "eps": GRID[2]}
        rows.append(rate(here, "attack_success_rate", right * number // 10, right))
    return rows


def size_rows(here: dict[str, Any], smallest: np.ndarray) -> list[dict[str, Any]]:
    """Medians over the broken faces; the explanation's belongs to the attack itself."""
    middle = float(np.median(smallest)) if len(smallest) else float("nan")
    sizes = {"linf": middle, "l2": 40 * middle, "l1": 2000 * middle, "ssim": 0.97}
    rows = [plain(here, f"median_{name}", value, len(smallest)) for name, value in sizes.items()]
    shift = here | {"perturbation": "pgd"}
    rows.append(plain(shift, "median_cam_shift", 0.31, len(smallest)))
    return [row | {"ci_low": 0.9 * row["value"], "ci_high": 1.02 * row["value"]} for row in rows]


def calibration_rows(base: dict[str, Any], right: np.ndarray) -> list[dict[str, Any]]:
    """Four filled bins of equally many images, and the measures."""
    rows = [
        plain(base, metric, value, len(right))
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
        rows.append(rate(here, "bin_accuracy", int(part.sum()), len(part)))
        rows.append(plain(here, "bin_confidence", low + 0.1, len(part)))
    return rows


def vote_rows(
    base: dict[str, Any], model: str, label_set: str, wishes: Wishes, right: np.ndarray
) -> list[dict[str, Any]]:
    """Strata, power and, where both label sets score, label noise."""
    clean = base["perturbation"] == "none"
    half = len(right) // 2
    clear, ambiguous = base | {"subset": "clear"}, base | {"subset": "ambiguous"}
    accuracy = "accuracy" if clean else "robust_accuracy"
    rows = [
        rate(clear, accuracy, int(right[:half].sum()), half),
        rate(ambiguous, accuracy, int(right[half:].sum()) // 2, len(right) - half),
    ]
    for kind, value in (("paired", 0.041), ("unpaired", 0.093)):
        row = plain(base | {"detail": kind}, "smallest_difference", value, len(right))
        rows.append(row | {"ci_low": float("nan"), "ci_high": float("nan")})
    if len(wishes.label_sets) < 2:
        return rows
    if label_set == "ferplus":
        rows.append(plain(base, "expected_agreement", 0.5 if clean else 0.06, len(right)))
        rows.append(plain(base | {"detail": "minus fer"}, "label_gap", 0.02, len(right)))
    else:
        rows.append(plain(base, "label_noise_share", 0.61 if clean else 0.33, len(right)))
        if clean:
            rows.append(plain(base, "oracle_accuracy", 0.67, len(right)))
            rows.append(plain(base, "oracle_faces_accuracy", 0.64, len(right)))
    return rows


def flow_rows(
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
                rows.append(rate(here, "flow", moved, before))
    return rows


def confusion_rows(
    base: dict[str, Any], label: np.ndarray, prediction: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    rows = []
    for index, name in enumerate(classes):
        predicted = prediction[label == index]
        for other, other_name in enumerate(classes):
            cell = base | {"subset": f"class:{name}", "detail": other_name}
            rows.append(rate(cell, "confusion", int((predicted == other).sum()), len(predicted)))
    return rows
