"""Images with the same pixels: they count once in intervals and keep one sign in paired tests."""

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import Interval, effective_size
from evaluation.statistics.paired import PairedTest, mcnemar, paired_difference


def groups_of(per_image: pd.DataFrame) -> pd.Series:
    """Group of each image by row id; each its own where no equal ones are known.

    Args:
        per_image: rows of `per_image.parquet`.
    """
    rows = per_image.drop_duplicates("row").set_index("row")
    return rows["group"].fillna(rows.index.to_series()).astype(np.int64)


def shared(groups: pd.Series, rows: pd.Index) -> np.ndarray | None:
    """Groups of some images, int64 (N,); None where no two of them are equal.

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
    equal = shared(groups, rows)
    return None if equal is None else effective_size(equal)


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
    equal = shared(groups, rows)
    test = mcnemar(first[rows].to_numpy(bool), second[rows].to_numpy(bool), equal)
    size = effective(groups, rows)
    gap = paired_difference(test.only_a_right, test.only_b_right, test.n, effective=size)
    return test, gap
