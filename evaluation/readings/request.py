"""Options of `python -m evaluation.video`, and what they mean once checked."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from typer import Argument, Option

from datasets.base.errors import InputError
from datasets.data_options import DataOptions
from fer_models.photo_options import DETECTOR, MIN_SIZE

if TYPE_CHECKING:
    from fer_models.smoothing.smoother import Smoother

SMOOTHING = "repeater:3,repeater:10,mean:6,mean:25,hmm:0.9,hmm:0.999"
LEAST_FRAMES = 25
"""Fewest frames of a face that is measured."""
MOST_PLANTED = 200


class Settings(NamedTuple):
    """Checked options: smoothers, ascending eps grid, ids of models."""

    smoothers: "Sequence[Smoother]"
    grid: tuple[float, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class VideoReadingRequest(DataOptions):
    """Which models read which clips, how readings are smoothed, and how they are attacked."""

    clips: Annotated[
        list[Path] | None,
        Argument(metavar="CLIP|FOLDER...", help="Video files, or folders of them."),
    ] = None
    _: KW_ONLY
    out: Annotated[Path, Option(help="Folder for the results.")]
    models: Annotated[
        str, Option(metavar="A,B", help="starter, all, or ids, training folders and model files.")
    ] = "simple_cnn.fer"
    planted: Annotated[
        int,
        Option(
            min=0,
            max=MOST_PLANTED,
            help="Clips with known expressions, made of the labelled faces of --data.",
        ),
    ] = 8
    eps: Annotated[str, Option(metavar="A,B", help="Attack budgets in Linf.")] = "1/255,2/255"
    smoothing: Annotated[
        str,
        Option(
            metavar="A,B",
            help="How frames become a reading: repeater:FRAMES, mean:FRAMES, hmm:STAY.",
        ),
    ] = SMOOTHING
    seconds: Annotated[
        float, Option(min=1, help="How much of each clip is read, from its start, in seconds.")
    ] = 20.0
    steps: Annotated[int, Option(min=1, max=1000, help="Gradient steps of each attack.")] = 20
    split: Annotated[
        str | None, Option(help="Faces of planted clips. Default: as in evaluation.run.")
    ] = None
    detector: Annotated[str, DETECTOR] = "blazeface"
    min_size: Annotated[int, MIN_SIZE] = 40
    seed: Annotated[int, Option(min=0, help="Random seed.")] = 0
    resume: Annotated[
        bool, Option("--resume", help="Continue the measurement in --out, or start it.")
    ] = False

    def settings(self) -> Settings:
        """Smoothers, eps and models, checked.

        Raises:
            InputError: a wrong value.
        """
        from attacks.threat_model import Norm, check_eps, parse_eps
        from fer_models.smoothing.named import parse_smoothers
        from fer_models.zoo import describe, resolve

        if not self.clips and not self.planted:
            raise InputError("name a clip, or ask for --planted clips; got neither.")
        faces = [*(["--split"] if self.split else []), *self.given()]
        if faces and not self.planted:
            raise InputError(
                f"{faces[0]} is for --planted clips, which are made of labelled faces; got "
                "--planted 0. Leave one of the two out."
            )
        grid = sorted({parse_eps(word) for word in self.eps.split(",") if word.strip()})
        for eps in grid:
            check_eps(eps, Norm.LINF)
        if not grid or grid[0] == 0:
            raise InputError(
                f"--eps must be above 0; got {self.eps!r}. Readings without attack are always "
                "measured. For example: --eps 1/255,2/255."
            )
        models = tuple(resolve(self.models))
        for model in models:
            describe(model)
        return Settings(parse_smoothers(self.smoothing), tuple(grid), models)
