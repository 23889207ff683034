"""R13: images made on a sibling model must not break more faces than white-box attacks do."""

from collections.abc import Iterable

import pandas as pd

from attacks.registry import ATTACKS
from datasets.base.percentages import in_percent
from evaluation.checks.rules import Check, check
from evaluation.checks.suite import BLACK_BOX_SHARE
from evaluation.results.image_rows import ImageRows, Kind
from evaluation.results.schema import WORST_CASE


def sibling_checks(cells: Iterable[pd.DataFrame], images: ImageRows) -> list[Check]:
    """R13: no other model's images break more of a model's faces than its own white-box attacks.

    Args:
        cells: rows of each cell of the transfer matrix, see `transfer_cells`.
        images: the run's rows of images.
    """
    checks, sources = [], set[str]()
    fallen: dict[tuple[str, str], pd.Series] = {}
    gaps: dict[tuple[str, str], dict[str, float]] = {}
    for rows in cells:
        source, model, label_set = rows.iloc[0][["source", "model", "attacked_labels"]]
        sources.add(source)
        found = gaps.setdefault((model, label_set), {})
        if source == model:
            continue
        if (model, label_set) not in fallen:
            fallen[model, label_set] = _fallen(images, model, label_set, rows.eps.iloc[0])
        fell = fallen[model, label_set]
        rows = rows[rows.row.isin(fell.index)]
        if len(rows):
            found[source] = _gap(rows, fell)
    for (model, label_set), found in gaps.items():
        if model not in sources or not found:
            continue  # a black box, or nothing to compare
        source, gap = max(found.items(), key=lambda item: item[1])
        words = "No image made on another model is stronger than the attacks on this one."
        flagged = gap > BLACK_BOX_SHARE
        if flagged:
            words = (
                f"Images made on {source} leave {in_percent(gap, 1)} points less than attacks on "
                "the model itself: its gradients mislead, and robust accuracy is overstated."
            )
        checks.append(
            check(
                model, "R13", "transfer from a sibling", flagged, gap, BLACK_BOX_SHARE, words,
                attacked_labels=label_set, perturbation=WORST_CASE,
            )
        )  # fmt: skip
    return checks


def _fallen(images: ImageRows, model: str, label_set: str, eps: float) -> pd.Series:
    """Whether attacks that use the model's own gradients broke a face within eps, by its row.

    An attack that also searches without them, as the ensemble does, counts only where no other ran.
    """
    columns = ("row", "attacked_labels", "perturbation", "source", "smallest_eps")
    own = images.pick(columns, model=model, kinds=[Kind.ATTACKED])
    own = own[(own.attacked_labels == label_set) & (own.source == model)]
    white = own[own.perturbation.map(lambda name: ATTACKS[name].needs_gradients).astype(bool)]
    pure = ~white.perturbation.map(lambda name: ATTACKS[name].by_answers).astype(bool)
    white = white[pure] if pure.any() else white
    return (white.smallest_eps <= eps).groupby(white.row).any()


def _gap(rows: pd.DataFrame, fell: pd.Series) -> float:
    """Robust accuracy under white-box attacks minus that under transfer, on the same images."""
    still_right = (rows.clean_prediction == rows.label) & (rows.prediction == rows.label)
    white = ~fell.loc[rows.row].to_numpy(bool)
    return int(white.sum() - still_right.sum()) / len(rows)
