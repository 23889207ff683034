"""R13: images made on a sibling model must not break more faces than white-box attacks do."""

import pandas as pd

from attacks.registry import ATTACKS
from datasets.base.percentages import in_percent
from evaluation.checks.rules import Check, check
from evaluation.checks.suite import BLACK_BOX_SHARE
from evaluation.results.image_rows import ImageRows, Kind
from evaluation.results.schema import WORST_CASE


def sibling_checks(transfers: pd.DataFrame, images: ImageRows) -> list[Check]:
    """R13: no other model's images break more of a model's faces than its own white-box attacks.

    Args:
        transfers: rows of `transfer.parquet`.
        images: the run's rows of images.
    """
    checks = []
    sources = set(transfers.source)
    for (model, label_set), rows in transfers.groupby(["model", "attacked_labels"], sort=False):
        rows = rows[rows.source != model]
        if model not in sources or rows.empty:
            continue  # a black box, or nothing to compare
        white = _white_box_rows(images, str(model), str(label_set))
        if white.empty:
            continue
        fell = (white.smallest_eps <= rows.eps.iloc[0]).groupby(white.row).any()
        rows = rows[rows.row.isin(fell.index)]
        if rows.empty:
            continue
        gaps = {source: _gap(part, fell) for source, part in rows.groupby("source", sort=False)}
        source, gap = max(gaps.items(), key=lambda item: item[1])
        words = "No image made on another model is stronger than the attacks on this one."
        flagged = gap > BLACK_BOX_SHARE
        if flagged:
            words = (
                f"Images made on {source} leave {in_percent(gap, 1)} points less than attacks on "
                "the model itself: its gradients mislead, and robust accuracy is overstated."
            )
        checks.append(
            check(
                str(model), "R13", "transfer from a sibling", flagged, gap, BLACK_BOX_SHARE, words,
                attacked_labels=str(label_set), perturbation=WORST_CASE,
            )
        )  # fmt: skip
    return checks


def _white_box_rows(images: ImageRows, model: str, label_set: str) -> pd.DataFrame:
    """Rows of the attacks on a model that use its own gradients."""
    columns = ("row", "attacked_labels", "perturbation", "source", "smallest_eps")
    own = images.pick(columns, model=model, kinds=[Kind.ATTACKED])
    own = own[(own.attacked_labels == label_set) & (own.source == model)]
    return own[own.perturbation.map(lambda name: ATTACKS[name].needs_gradients).astype(bool)]


def _gap(rows: pd.DataFrame, fell: pd.Series) -> float:
    """Robust accuracy under white-box attacks minus that under transfer, on the same images."""
    still_right = (rows.clean_prediction == rows.label) & (rows.prediction == rows.label)
    white = ~fell.loc[rows.row].to_numpy(bool)
    return int(white.sum() - still_right.sum()) / len(rows)
