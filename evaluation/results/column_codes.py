"""Text columns of long frames as numbers: rows are found by comparing numbers, not texts."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

MOST = 32
"""Number of columns that are remembered, those that were asked about last."""
COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
"""Whether pandas gives a frame that is changed in place another array, as `has_any` needs; pandas 2
writes into the same one."""


class _Coded(NamedTuple):
    """A column with the number of each of its texts, and int (N,), the numbers in its rows.

    It keeps the column. So pandas, which copies on write, gives a frame that is changed in place
    another array, and what is remembered of the old one is not used for it.
    """

    column: pd.Series
    numbers: dict[str, int]
    codes: np.ndarray


_known = OrderedDict[int, _Coded]()
"""By the identity of the column's array, which exists as long as its entry."""


def has_any(column: pd.Series, wanted: Iterable[str]) -> np.ndarray:
    """Which rows have one of the wanted texts, bool (N,); False where a text is missing.

    Args:
        column: texts. Their numbers are remembered, so that other questions cost little.
        wanted: texts.
    """
    name = id(column.array)
    known = _known.get(name)
    if known is None or known.column.array is not column.array:
        codes, texts = pd.factorize(column)
        smallest = np.min_scalar_type(-max(len(texts), 1))
        numbers = {text: number for number, text in enumerate(texts)}
        known = _known[name] = _Coded(column, numbers, codes.astype(smallest))
        if len(_known) > MOST:
            _known.popitem(last=False)
    _known.move_to_end(name)
    places = [known.numbers[text] for text in wanted if text in known.numbers]
    return known.codes == places[0] if len(places) == 1 else np.isin(known.codes, places)
