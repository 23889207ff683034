"""Label sets by the name of the data, as every table for readers shows them.

The seven or eight classes of other data sets are scored as `fer` or `ferplus`, which is
what files that commands read back hold. Not here: what reports call FER and FER+
(`reports/words/text.py`).
"""

from collections.abc import Mapping

import pandas as pd

_COLUMNS = ("label_set", "attacked_labels")


def with_label_names(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the table with label sets called by their names.

    Args:
        table: rows with the columns `label_set`, `attacked_labels` or neither.
        names: `FinishedRun.label_names`; a label set that is not among them keeps its own name.
    """
    found = {
        column: table[column].map(lambda value: names.get(value, value)).astype("string")
        for column in _COLUMNS
        if names and column in table
    }
    return table.assign(**found)
