"""The range of ranks that paired tests leave open."""

import numpy as np
import pandas as pd


def rank_ranges(pairs: pd.DataFrame, models: list[str]) -> dict[str, tuple[int, int]]:
    """Best and worst rank that the tests leave open to each model.

    A model ranks behind those that are distinguishably better and before those that are
    distinguishably worse; models with overlapping ranges are not distinguishable, or only through
    a third one.

    Args:
        pairs: rows of `comparisons.parquet` of one label set and eps.
        models: in any order.
    """
    found = pairs[pairs.distinguishable.fillna(False).astype(bool)]
    better = np.where(found.difference > 0, found.model_a, found.model_b)
    worse = np.where(found.difference > 0, found.model_b, found.model_a)
    return {
        model: (1 + int((worse == model).sum()), len(models) - int((better == model).sum()))
        for model in models
    }
