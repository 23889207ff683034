"""The sentence on how far the two label sets agree."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from reports.sections.label_sets import _agreement


def test_equal_faces_count_once_in_the_agreement() -> None:
    """30 of 40 faces happy under both, 10 happy and sad: 75 %, Wilson 60 to 86 %."""
    once = pd.DataFrame(
        {"row": np.arange(40), "fer": 3, "ferplus": [1] * 30 + [3] * 10, "group": np.arange(40)}
    )
    twice = pd.concat([once, once.assign(row=once.row + 40)])
    runs = [SimpleNamespace(images=SimpleNamespace(faces=rows)) for rows in (once, twice)]
    words = [_agreement(run) for run in runs]  # type: ignore[arg-type]
    assert "agree on 75" in words[0] and "60\u2013" in words[0]
    assert words[1] == words[0].replace("of the 40", "of the 80")
