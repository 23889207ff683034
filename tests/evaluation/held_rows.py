"""Rows of images in memory: a frame in place of the files of a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.results.image_rows import FACE_COLUMNS, ImageRows, Kind
from evaluation.results.row_parts import RowParts


class HeldRows(ImageRows):
    """Rows of a frame, which may lack columns that a test does not need."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    @property
    def models(self) -> list[str]:
        clean = self.frame[self._kinds() == Kind.CLEAN]
        return list(dict.fromkeys(clean.model))

    def pick(
        self,
        columns: Sequence[str] | None = None,
        *,
        model: str | None = None,
        kinds: Sequence[Kind] = tuple(Kind),
    ) -> pd.DataFrame:
        rows = self.frame[self._kinds().isin(list(kinds))]
        if model is not None:
            rows = rows[rows.model == model]
        rows = rows.reset_index(drop=True)
        names = rows.columns if columns is None else [name for name in columns if name in rows]
        return rows[list(names)].copy()

    def of(self, model: str) -> pd.DataFrame:
        return self.pick(model=model, kinds=[Kind.CLEAN, Kind.ATTACKED, Kind.CERTIFIED])

    @property
    def faces(self) -> pd.DataFrame:
        """Of all rows, clean or not: a test may have only attacked ones."""
        names = [name for name in ("row", *FACE_COLUMNS) if name in self.frame]
        return self.frame.drop_duplicates("row")[names]

    def _kinds(self) -> pd.Series:
        frame = self.frame
        nothing = pd.Series(False, index=frame.index)
        clean = frame.perturbation == "none" if "perturbation" in frame else nothing
        corrupted = frame.severity.notna() if "severity" in frame else nothing
        attacked = frame.attacked_labels != "" if "attacked_labels" in frame else nothing
        kinds = pd.Series(Kind.CERTIFIED, index=frame.index, dtype=object)
        kinds[attacked.astype(bool)] = Kind.ATTACKED
        kinds[corrupted.astype(bool)] = Kind.CORRUPTED
        kinds[clean.astype(bool)] = Kind.CLEAN
        return kinds


def write_rows(frame: pd.DataFrame, run: Path) -> None:
    """Replace the rows of a run by those of a frame."""
    with RowParts(run) as parts:
        for _, rows in frame.groupby(_PART, sort=False):
            parts.add(rows)
        parts.finish()


_PART = ["model", "attacked_labels", "perturbation", "source", "norm"]


def rows(broken: dict[str, list[float]]) -> pd.DataFrame:
    """Lines of `per_image` of one model from the smallest eps of each attack."""
    return pd.concat(
        pd.DataFrame(
            {
                "row": range(len(values)),
                "model": "tiny.fer",
                "attacked_labels": "fer",
                "perturbation": name,
                "source": "another" if name == "transfer" else "tiny.fer",
                "smallest_eps": values,
                "severity": np.nan,
                "fer": 3,
                "prediction": 3,
            }
        )
        for name, values in broken.items()
    )
