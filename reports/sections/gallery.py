"""The gallery: a face clean and attacked, the difference, and what the classifier says and sees."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from PIL import Image

from reports.sections.perturbation_sizes import size_words
from reports.words.text import eps_text, words

DIFFERENCE_GAIN = 10
SIZE_BUDGET = 8_000_000
"""Most bytes of pictures on a page."""


@dataclass(frozen=True)
class Bar:
    """Probability of one class before and after, in percent, and which of the two it wins."""

    name: str
    before: float
    after: float
    wins_before: bool
    wins_after: bool
    is_label: bool


@dataclass(frozen=True)
class Example:
    """One face of the gallery; pictures are `data:` addresses."""

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
        """Of its pictures."""
        return sum(map(len, [self.clean, self.attacked, self.difference, *self.looks]))


def examples(
    gallery: dict[str, np.ndarray], per_image: pd.DataFrame, most: int = SIZE_BUDGET
) -> tuple[list[Example], int]:
    """Examples of the gallery, and how many were left out to keep the page small.

    Where not all find room, each model shows as many as the others.

    Args:
        gallery: arrays of `GALLERY_ARRAYS`.
        per_image: has the sizes of their perturbations.
        most: bytes of pictures.
    """
    found: dict[int, Example] = {}
    used = 0
    keys = ["row", "model", "attacked_labels", "perturbation", "norm"]
    wanted = pd.DataFrame({key: gallery[key] for key in keys})
    lines = wanted.merge(per_image.drop_duplicates(keys), on=keys, how="left")
    place_in_model = wanted.groupby("model").cumcount().to_numpy()
    for index in np.argsort(place_in_model, kind="stable").tolist():
        example = _example(gallery, index, lines.iloc[index])
        used += example.bytes
        if used > most:
            break
        found[index] = example
    return [found[index] for index in sorted(found)], len(wanted) - len(found)


def difference(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """Attacked minus clean, times ten around middle grey: float (H, W, C) in [0, 1].

    Args:
        clean: uint8 (H, W, C).
        attacked: float (H, W, C) in [0, 1].
    """
    return np.clip(0.5 + DIFFERENCE_GAIN * (attacked - clean / 255), 0, 1)


def look(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A face under its Grad-CAM map: grey, warm where the map is high; uint8 (H, W, 3).

    Args:
        image: uint8, or float in [0, 1]; (H, W, 1) or (H, W, 3).
        heat: uint8 (H, W).
    """
    grey = image.mean(axis=2, keepdims=True) / (255 if image.dtype == np.uint8 else 1)
    share = heat[..., None] / 255
    warm = sns.color_palette("rocket", as_cmap=True)(0.3 + 0.6 * heat / 255)[..., :3]
    return np.rint(255 * ((1 - 0.65 * share) * grey + 0.65 * share * warm)).astype(np.uint8)


def png_uri(image: np.ndarray) -> str:
    """A picture as a `data:` address of a png.

    Args:
        image: uint8, or float in [0, 1]; (H, W, 1) or (H, W, 3).
    """
    pixels = image if image.dtype == np.uint8 else np.rint(255 * image).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    stream = io.BytesIO()
    picture.save(stream, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _example(gallery: dict[str, np.ndarray], index: int, line: pd.Series) -> Example:
    one = {name: values[index] for name, values in gallery.items()}
    names = [str(name) for name in one["classes"] if name]
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
            place == first,
            place == last,
            name == label,
        )
        for place, name in enumerate(names)
    ]
    eps = float(one["eps"])
    looks = []
    if "clean_cam" in one and one["clean_cam"].any():
        looks = [png_uri(look(one[kind], one[f"{kind}_cam"])) for kind in ("clean", "attacked")]
    return Example(
        row=int(one["row"]),
        model=str(one["model"]),
        attack=words(str(one["perturbation"])),
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
        sizes=size_words(line),
        bars=bars,
    )
