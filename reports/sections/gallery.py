"""The gallery: a face clean and attacked, the difference, the answers and Grad-CAM maps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.base.percentages import share_in_percent
from evaluation.results.image_rows import Kind
from evaluation.results.run import FinishedRun
from reports.charts.pictures import difference, look, png_uri
from reports.sections.perturbation_sizes import SIZE_COLUMNS, size_words
from reports.words.attacks import attack_title
from reports.words.text import eps_text

SIZE_BUDGET = 8_000_000
"""Most bytes of pictures on a page."""


@dataclass(frozen=True)
class Bar:
    """Probability of one class before and after, in percent, and whether it is predicted there.

    As numbers, for the length of its bars, and as text, which is 0 or 100 only where that is exact.
    """

    name: str
    before: float
    after: float
    before_text: str
    after_text: str
    wins_before: bool
    wins_after: bool
    is_label: bool


@dataclass(frozen=True)
class Example:
    """One face of the gallery; pictures are `data:` addresses.

    A model that returns labels only has no bars.
    """

    row: int
    model: str
    attack: str
    eps: str
    label: str
    before: str
    after: str
    flipped: bool
    survives: bool
    clean: str
    attacked: str
    difference: str
    looks: list[str]
    sizes: list[str]
    bars: list[Bar]

    @property
    def bytes(self) -> int:
        """Bytes of its pictures."""
        return sum(map(len, [self.clean, self.attacked, self.difference, *self.looks]))


def examples(run: FinishedRun, most: int = SIZE_BUDGET) -> tuple[list[Example], int]:
    """Return examples of the gallery, and how many were left out to keep the page small.

    If there is no room for all, each model shows as many as the others.

    Args:
        run: a finished run.
        most: bytes of pictures.
    """
    gallery = run.gallery
    found: dict[int, Example] = {}
    used = 0
    keys = ["row", "model", "attacked_labels", "perturbation", "norm"]
    wanted = pd.DataFrame({key: gallery[key] for key in keys})
    attacked = [
        run.images.pick([*keys, *SIZE_COLUMNS], model=model, kinds=[Kind.ATTACKED])
        for model in dict.fromkeys(gallery["model"].tolist())
    ]
    images = wanted
    if attacked:
        rows = pd.concat(attacked).drop_duplicates(keys)
        images = wanted.merge(rows, on=keys, how="left")
    place_in_model = wanted.groupby("model").cumcount().to_numpy()
    for index in np.argsort(place_in_model, kind="stable").tolist():
        example = _example(run, index, images.iloc[index])
        used += example.bytes
        if used > most:
            break
        found[index] = example
    return [found[index] for index in sorted(found)], len(wanted) - len(found)


def _example(run: FinishedRun, index: int, image: pd.Series) -> Example:
    one = {name: values[index] for name, values in run.gallery.items()}
    names = [str(name) for name in one["classes"] if name]
    known = not np.isnan(one["clean_probabilities"][: len(names)]).any()
    before, after = (
        np.nan_to_num(one[f"{kind}_probabilities"][: len(names)], nan=0.0)
        for kind in ("clean", "attacked")
    )
    first, last = int(np.argmax(before)), int(np.argmax(after))
    label = str(one["label"])
    bars = [
        Bar(
            name,
            round(100 * float(before[place]), 1),
            round(100 * float(after[place]), 1),
            share_in_percent(float(before[place])),
            share_in_percent(float(after[place])),
            place == first,
            place == last,
            name == label,
        )
        for place, name in enumerate(names if known else [])
    ]
    eps = float(one["eps"])
    looks = []
    if "clean_cam" in one and one["clean_cam"].any():
        looks = [png_uri(look(one[kind], one[f"{kind}_cam"])) for kind in ("clean", "attacked")]
    return Example(
        row=int(one["row"]),
        model=str(one["model"]),
        attack=attack_title(run.manifest, str(one["perturbation"])),
        eps="" if np.isnan(eps) else eps_text(eps, str(one["norm"])),
        label=label,
        before=names[first],
        after=names[last],
        flipped=first != last,
        survives=bool(one["survives_8bit"]),
        clean=png_uri(one["clean"]),
        attacked=png_uri(one["attacked"]),
        difference=png_uri(difference(one["clean"], one["attacked"])),
        looks=looks,
        sizes=size_words(image),
        bars=bars,
    )
