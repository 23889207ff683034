"""What a probe found, in figures and in words."""

from typing import NamedTuple

import numpy as np

from datasets.base.percentages import in_percent
from datasets.labels import LabelScheme
from fer_models.foreign.contract_file import ContractFile
from fer_models.foreign.probe_trial import CLEARLY, Rival
from fer_models.foreign.raw_model import RawModel


class Finding(NamedTuple):
    """What the probe found.

    Attributes:
        file: the contract.
        scaling: in words.
        accuracy: on the faces with this contract, in [0, 1].
        rivals: the other scalings, the closest first.
        ties: scalings with the same outputs.
        fitted: values of a black and a white pixel fitted continuously, in words; None when not
            fitted.
        sureness: share of resamples that assign each class, in scheme order, the same output.
        faces: number of faces used.
        left_over: class of which no face is classified correctly, so that its output is the one
            that the other classes leave; empty where there is none, or the contract names them.
    """

    file: ContractFile
    scaling: str
    accuracy: float
    rivals: tuple[Rival, ...]
    ties: tuple[str, ...]
    fitted: tuple[str, str] | None
    sureness: np.ndarray
    faces: int
    left_over: str = ""

    def lines(self, raw: RawModel, scheme: LabelScheme, named: bool = False) -> list[str]:
        """What was found, as lines of text; arguments as given to `probe`.

        `named`: the contract named the classes, so nothing is sure or unsure about their order.
        """
        sure = dict(zip(scheme.classes, self.sureness))
        words = (f"{name} {in_percent(sure[name])} %" for name in scheme.classes)
        removed = "; its softmax is removed" if raw.softmax_removed else ""
        error = in_percent(np.sqrt(self.accuracy * (1 - self.accuracy) / self.faces), 1)
        return [
            f"{raw.name}: {in_percent(self.accuracy, 1)} % of {self.faces} faces, balanced over "
            f"classes (+- {error})",
            f"  size      {self.file.height}x{self.file.width}x{self.file.channels}",
            *self._scaling_lines(),
            f"  outputs   {', '.join(self.file.classes)}",
            *([] if named else [f"  sure      {', '.join(words)} of resamples"]),
            *self._left_over_lines(),
            f"  kind      {self.file.output}{removed}",
        ]

    def _left_over_lines(self) -> list[str]:
        if not self.left_over:
            return []
        return [
            f"  left over {self.left_over}: none of its faces is classified correctly, and its "
            "output is the one that is left; if that is another class, write a contract"
        ]

    def _scaling_lines(self) -> list[str]:
        lines = [f"  scaling   {self.scaling}"]
        if self.ties:
            lines.append(f"  tie       the same outputs, either will do: {', '.join(self.ties)}")
        usual = [rival for rival in self.rivals if not rival.rare]
        if usual:
            next_best = usual[0]
            lines.append(
                f"  next      {next_best.words}, {in_percent(next_best.accuracy, 1)} %: lower by "
                f"{in_percent(next_best.difference, 1)} +- "
                f"{in_percent(next_best.standard_error, 1)} points; with "
                f"cross-entropy {next_best.errors:.1f} standard errors worse"
            )
        open_ = [
            f"{r.words} ({in_percent(r.accuracy, 1)} %)"
            for r in self.rivals
            if r.rare and r.errors <= CLEARLY
        ]
        if open_:
            lines.append(f"  rare      not excluded, though seldom used: {', '.join(open_)}")
        if self.fitted:
            lines.append(f"  fitted    black {self.fitted[0]}, white {self.fitted[1]} (95 %)")
        return lines
