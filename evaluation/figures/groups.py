"""Near duplicates: they count once in intervals and keep one sign in paired tests."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import Interval, effective_size
from evaluation.statistics.paired import PairedTest, mcnemar, paired_difference


def groups_of(images: pd.DataFrame) -> pd.Series:
    """Group of each image by row id; each its own where no duplicates are known.

    Args:
        images: rows of images, such as `ImageRows.faces`.
    """
    rows = images.drop_duplicates("row").set_index("row")
    return rows["group"].fillna(rows.index.to_series()).astype(np.int64)


def coarsest(runs: Iterable[pd.DataFrame]) -> pd.Series:
    """Groups of the run that knows most duplicates among the images of all runs.

    Runs of earlier versions know pixel-identical images only, or none.

    Args:
        runs: `ImageRows.faces` of each run.
    """
    found = [groups_of(faces) for faces in runs]
    rows = found[0].index
    for groups in found[1:]:
        rows = rows.intersection(groups.index)
    return min(found, key=lambda groups: int(groups.loc[rows].nunique()))


def shared(groups: pd.Series, rows: pd.Index) -> np.ndarray | None:
    """Groups of some images, int64 (N,); None where no two of them are near duplicates.

    Args:
        groups: see `groups_of`.
        rows: ids of the images.
    """
    found = groups.loc[rows]
    return None if found.is_unique else found.to_numpy(np.int64)


def effective(groups: pd.Series, rows: pd.Index) -> float | None:
    """Effective number of independent images among some; None if all of them are.

    Args:
        groups: see `groups_of`.
        rows: ids of the images.
    """
    alike = shared(groups, rows)
    return None if alike is None else effective_size(alike)


def compare_pair(
    first: pd.Series, second: pd.Series, groups: pd.Series
) -> tuple[PairedTest, Interval]:
    """Test two models on the images of both; the difference of their accuracies with its interval.

    Args:
        first: whether the first model is right on each image, by row id.
        second: the same of the second model.
        groups: see `groups_of`.
    """
    rows = first.index.intersection(second.index)
    alike = shared(groups, rows)
    test = mcnemar(first[rows].to_numpy(bool), second[rows].to_numpy(bool), alike)
    size = effective(groups, rows)
    gap = paired_difference(test.only_a_right, test.only_b_right, test.n, effective=size)
    return test, gap
