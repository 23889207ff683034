"""Simulated predictions of a synthetic run: figures and rows per image of one model."""

from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, SCHEMES, translate
from evaluation.results.schema import ADDED_COLUMNS
from tests.reports.fake_parts import (
    calibration_rows,
    certified_rows,
    confusion_rows,
    flow_rows,
    regional_rows,
    size_rows,
    transfer_rows,
    vote_rows,
)
from tests.reports.fake_rows import plain, rate
from tests.reports.wishes import GRID, Wishes


def truth_of(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    fer = rng.choice(7, count, p=[0.13, 0.015, 0.14, 0.25, 0.18, 0.115, 0.17])
    ferplus = translate(fer, FER7, FERPLUS8)
    relabelled = rng.random(count) < 0.3
    ferplus = np.where(relabelled, rng.choice(8, count), ferplus)
    return {"fer": fer, "ferplus": np.where(rng.random(count) < 0.1, -1, ferplus)}


def score(
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
        rate(no_attack, "accuracy", int(right.sum()), len(label)),
        rate(no_attack | {"subset": "no_leak"}, "accuracy", int(right[20:].sum()), len(label) - 20),
        plain(no_attack, "balanced_accuracy", accuracy - 0.04, len(label)),
        plain(no_attack, "macro_f1", accuracy - 0.05, len(label)),
        plain(no_attack, "majority_share", np.bincount(label).max() / len(label), len(label)),
    ]
    for index, name in enumerate(classes):
        of_class = no_attack | {"subset": f"class:{name}"}
        here = label == index
        rows.append(rate(of_class, "recall", int((right & here).sum()), int(here.sum())))
    rows += confusion_rows(no_attack, label, clean, classes)
    rows += calibration_rows(no_attack, right)
    rows += vote_rows(no_attack, model, label_set, wishes, right)
    failed = model == wishes.broken_model
    attacked = no_attack | {"attacked_labels": label_set, "source": model, "norm": wishes.norm}
    for eps in GRID:
        strength = {"fgsm": 0.6, "pgd": 1.0, "worst_case": 1.0, "noise": 0.03}
        for perturbation, factor in strength.items():
            here = attacked | {"perturbation": perturbation, "eps": eps}
            if failed and perturbation != "noise":
                empty = here | {"status": "error"}
                rows.append(plain(empty, "robust_accuracy", float("nan"), 0))
                continue
            if perturbation == "pgd" and wishes.flagged and model == wishes.models[0]:
                here["status"] = "flagged"
            stood = right & (smallest > eps * factor)
            rows.append(rate(here, "robust_accuracy", int(stood.sum()), len(label)))
            broken = int((right & ~stood).sum())
            rows.append(rate(here, "attack_success_rate", broken, int(right.sum())))
            if perturbation in ("pgd", "worst_case"):
                after = np.where(stood | ~right, clean, goal)
                rows += confusion_rows(here, label, after, classes)
            if perturbation == "worst_case":
                rows += calibration_rows(here, stood)
                rows += flow_rows(here, label, right & ~stood, right, goal, classes)
                rows += vote_rows(here, model, label_set, wishes, stood)
                rows.append(rate(here, "plausible_flip", broken // 5, broken))
                rows += size_rows(here, smallest[right & ~stood])
                hard = broken - broken // 5
                rows.append(rate(here, "implausible_success_rate", hard, int(right.sum())))
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
            row = plain(at, f"{name}_smallest_eps", value, int(right.sum()))
            rows.append(row | {"ci_low": float("nan"), "ci_high": float("nan")})
        rows.append(plain(at, "security_curve_area", accuracy / 4, len(label)))
    for number, corruption in enumerate(wishes.corruptions):
        for severity in (1, 3, 5):
            hit = right & (rng.random(len(label)) > 0.03 * severity * (number + 1))
            here = no_attack | {"perturbation": corruption, "severity": severity}
            here["eps"] = float("nan")
            rows.append(rate(here, "accuracy", int(hit.sum()), len(label)))
        here = no_attack | {"perturbation": corruption, "eps": float("nan")}
        rows.append(plain(here, "mean_corruption_accuracy", accuracy / 2, len(label)))
        ratio = here | {"detail": f"simple_cnn.{label_set}"}
        rows.append(plain(ratio, "corruption_error", 0.9 + number / 10, len(label)))
    if wishes.corruptions:
        here = no_attack | {"perturbation": "corruptions", "eps": float("nan")}
        rows.append(plain(here, "mean_corruption_accuracy", accuracy / 2, len(label)))
        ratio = here | {"detail": f"simple_cnn.{label_set}"}
        rows.append(plain(ratio, "mce", 1.05, len(label)))
        rows.append(plain(ratio, "relative_mce", 0.87, len(label)))
    rows += transfer_rows(attacked, wishes, int(right.sum()))
    if wishes.regional:
        rows += regional_rows(attacked, int(right.sum()))
    if wishes.certified:
        rows += certified_rows(no_attack | {"source": model}, right)
    return rows, _images(model, label_set, wishes.norm, truth, clean, smallest)


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
    frame["votes"] = [_annotators(truth["fer"][row], truth["ferplus"][row]) for row in rows]
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


def _annotators(fer: int, ferplus: int) -> list[int]:
    """Ten votes: seven for the FER+ label, three for what FER says."""
    votes = [0] * 10
    votes[int(ferplus) if ferplus >= 0 else 8] += 7
    votes[int(translate(np.array([fer]), FER7, FERPLUS8)[0])] += 3
    return votes
