"""What a probe must know before it starts: the size of a model's images and its label set."""

import numpy as np

from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8, LabelScheme
from fer_models.foreign.class_order import match_scheme
from fer_models.foreign.contract_file import NOTHING_KNOWN, PartialContract
from fer_models.foreign.raw_model import RawModel, first_answers


def scheme_of(raw: RawModel, known: PartialContract = NOTHING_KNOWN) -> LabelScheme:
    """The classes that the contract names, else FER for seven outputs, FER+ for eight.

    Raises:
        InputError: another number, other classes, a size the file does not say, or no images.
    """
    shape = image_shape(raw, known)
    if shape[2] not in (1, 3):
        raise InputError(
            f"{raw.name}: must take images (height, width, 1 or 3); its file says {raw.shape}. "
            "Export it with channels last."
        )
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    count = first_answers(raw, images).shape[1]
    if known.classes is not None:
        scheme, _ = match_scheme(known.classes)
        if scheme.num_classes != count or scheme.label_set is None:
            raise InputError(
                f"{raw.name}: has {count} outputs, so its contract must name {count} classes, "
                f"emotions among them; got {', '.join(known.classes)}. Correct them."
            )
        return scheme
    if count not in (7, 8):
        raise InputError(
            f"{raw.name}: the probe knows 7 or 8 classes; got {count} outputs. Write a contract."
        )
    return FER7 if count == 7 else FERPLUS8


def image_shape(raw: RawModel, known: PartialContract) -> tuple[int, int, int]:
    """Size of the images: of the model's file, else of the contract."""
    if raw.shape is not None:
        return raw.shape
    height, width, channels = known.height, known.width, known.channels
    if height is None or width is None or channels is None:
        raise InputError(
            f"{raw.name}: the file does not say its image size. Write it into the contract, "
            'such as {"height": 48, "width": 48, "channels": 1}; the probe finds the rest.'
        )
    return height, width, channels
