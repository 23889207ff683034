"""What a probe must know before it starts: the size of a model's images and its label set.

TorchScript, weights with code and functions do not say the size of their images. One of the usual
ones is that of such a model where it takes no other and none beside it. Where it takes several, as
nets with global pooling and nets whose pools leave out last rows do, only its contract can tell.
"""

from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from itertools import product

import numpy as np

from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8, LabelScheme
from fer_models.classifier import ModelError
from fer_models.foreign.class_order import match_scheme
from fer_models.foreign.contract_file import NOTHING_KNOWN, PartialContract
from fer_models.foreign.raw_model import RawModel, first_answers

SIDES = (
    32, 40, 44, 48, 50, 56, 60, 64, 72, 80, 90, 96, 100, 112, 120, 128, 150, 160, 180, 192, 200,
    224, 227, 240, 256, 260, 299,
)  # fmt: skip
"""Usual heights and widths of images, pixels."""
_MOST_BESIDE = 64
"""Sides that are tried above and below a usual one; five pools of two take 32 in a row."""
_MOST_LISTED = 8
"""Sizes that a line names."""
_COUNTS = (FER7.num_classes, FERPLUS8.num_classes)


def scheme_of(raw: RawModel, known: PartialContract = NOTHING_KNOWN) -> LabelScheme:
    """The classes that the contract names, else FER for seven outputs, FER+ for eight.

    Raises:
        InputError: another number, other classes, or no images.
    """
    shape = image_shape(raw, known)
    if shape[2] not in (1, 3):
        raise InputError(
            f"{raw.name}: must take images (height, width, 1 or 3); its file says {raw.shape}. "
            "Export it for grey or RGB images, channels last."
        )
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    count = answers_of_size(raw, images).shape[1]
    return _scheme_of_count(raw, count, known)


def _scheme_of_count(raw: RawModel, count: int, known: PartialContract) -> LabelScheme:
    """The scheme of a model of so many outputs; raises as `scheme_of`."""
    if known.classes is not None:
        scheme, _ = match_scheme(known.classes)
        if scheme.num_classes != count or scheme.label_set is None:
            raise InputError(
                f"{raw.name}: has {count} outputs, so its contract must name {count} classes, "
                f"emotions among them; got {', '.join(known.classes)}. Correct them."
            )
        return scheme
    if count not in _COUNTS:
        raise InputError(
            f"{raw.name}: the probe knows 7 or 8 classes; got {count} outputs. Write a contract "
            f'that names its {count} "classes" in their order.'
        )
    return FER7 if count == 7 else FERPLUS8


def with_size(
    raw: RawModel, known: PartialContract, tell: Callable[[str], object] = lambda _: None
) -> PartialContract:
    """The contract with the size of the images, where neither it nor the model's file says it.

    Args:
        raw: the opened model.
        known: what its contract says.
        tell: called with a line that names a size that was found.

    Raises:
        InputError: the model takes none of the usual sizes, several, or others beside one; has
            another number of outputs; or its channels elsewhere.
    """
    if raw.shape is not None or None not in (known.height, known.width, known.channels):
        return known
    sizes = [(side, side, channels) for side, channels in product(SIDES, (1, 3))]
    given = (known.height, known.width, known.channels)
    sizes = [s for s in sizes if all(g in (None, own) for g, own in zip(given, s, strict=True))]
    counts = {size: _count(raw, size) for size in sizes}
    taken = [size for size in sizes if _suits(counts[size], known)]
    found = f"takes {_listed(taken)}" if taken else "takes none of the usual sizes"
    if len(taken) == 1:
        least, most = _span(raw, taken[0], known)
        height, width, channels = taken[0]
        if least == most:
            tell(
                f"{raw.name}: takes images of {_words(taken[0])} alone, of {len(sizes)} usual sizes"
            )
            return known.model_copy(update={"height": height, "width": width, "channels": channels})
        found = f"takes every side from {least} to {most}"
    if not taken:
        answered = {count for count in counts.values() if count is not None}
        _refuse_count_or_layout(raw, answered, sizes, known)
    colours = 3 if taken and all(size[2] == 3 for size in taken) else known.channels or 1
    raise InputError(
        f"{raw.name}: the file does not say its image size, and it {found}. Write the size it was "
        'trained with into the contract, such as {"height": 48, "width": 48, "channels": '
        f"{colours}}}; the probe finds the rest."
    )


def _span(raw: RawModel, size: tuple[int, int, int], known: PartialContract) -> tuple[int, int]:
    """Smallest and largest side around that of a square which the model takes without a gap.

    A height or width that the contract says stays.
    """
    side, _, channels = size
    least = most = side
    if known.height is not None and known.width is not None:
        return least, most

    def takes(other: int) -> bool:
        return _takes(raw, (known.height or other, known.width or other, channels), known)

    while 1 < least > side - _MOST_BESIDE and takes(least - 1):
        least -= 1
    while most < side + _MOST_BESIDE and takes(most + 1):
        most += 1
    return least, most


def _refuse_count_or_layout(
    raw: RawModel,
    counts: Set[int],
    sizes: list[tuple[int, int, int]],
    known: PartialContract,
) -> None:
    """Say why a model takes no size where it is not for the size itself.

    Raises:
        InputError: it has another number of outputs, or its channels elsewhere.
    """
    if len(counts) == 1:
        (count,) = counts
        _scheme_of_count(raw, count, known)
    _refuse_other_layout(raw, sizes)


def _refuse_other_layout(raw: RawModel, sizes: Iterable[tuple[int, int, int]]) -> None:
    """Refuse a model that takes the channels elsewhere, of one of the sizes (h, w, c).

    A PyTorch net is called with (N, c, h, w), so images of (w, c, h) reach it as (h, w, c).
    """
    is_torch = raw.torch_module is not None
    others = [(w, c, h) if is_torch else (c, h, w) for h, w, c in sizes]
    if not any(_count(raw, other) for other in others):
        return
    if is_torch:
        raise InputError(
            f"{raw.name}: must take (N, c, h, w); it takes (N, h, w, c), channels last. Save a net "
            "around it that calls it with images.permute(0, 2, 3, 1)."
        )
    raise InputError(
        f"{raw.name}: must take (N, h, w, c); it takes (N, c, h, w), channels first. Let code "
        "transpose the images, images.transpose(0, 3, 1, 2), or export a file with a fixed number "
        "of channels."
    )


def _takes(raw: RawModel, size: tuple[int, int, int], known: PartialContract) -> bool:
    """Whether the model answers images of this size with one number per class."""
    return _suits(_count(raw, size), known)


def _suits(count: int | None, known: PartialContract) -> bool:
    return count in _COUNTS if known.classes is None else count == len(known.classes)


def _count(raw: RawModel, size: tuple[int, int, int]) -> int | None:
    """How many numbers the model answers per image of this size; None where it takes no such."""
    images = np.random.default_rng(0).random((2, *size), np.float32)
    try:
        return int(first_answers(raw, images).shape[1])
    except ModelError:
        return None


def answers_of_size(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """First answers (N, K) to images (N, h, w, c) of the size that the contract says.

    Raises:
        InputError: the model takes the other number of channels, or them elsewhere.
        ModelError: it fails, or its outputs are not (N, K) finite numbers.
    """
    try:
        return first_answers(raw, images)
    except ModelError:
        height, width, channels = images.shape[1:]
        own = (height, width, 1 if channels == 3 else 3)
        with suppress(ModelError):
            first_answers(raw, np.zeros((2, *own), np.float32))
            raise other_size(raw, own, (height, width, channels)) from None
        _refuse_other_layout(raw, [(height, width, channels)])
        raise


def other_size(raw: RawModel, own: tuple[int, int, int], said: tuple[int, int, int]) -> InputError:
    """The error of a contract that says another size than the model takes, both (h, w, c)."""
    return InputError(
        f"{raw.name}: takes images of {own}; its contract says {said}. Correct height, width and "
        "channels there."
    )


def _words(size: tuple[int, int, int]) -> str:
    return "x".join(map(str, size))


def _listed(sizes: list[tuple[int, int, int]]) -> str:
    rest = f" and {len(sizes) - _MOST_LISTED} more" if len(sizes) > _MOST_LISTED else ""
    return ", ".join(map(_words, sizes[:_MOST_LISTED])) + rest


def image_shape(raw: RawModel, known: PartialContract) -> tuple[int, int, int]:
    """Size of the images: of the model's file, else of the contract, see `with_size`."""
    if raw.shape is not None:
        return raw.shape
    height, width, channels = known.height, known.width, known.channels
    if height is None or width is None or channels is None:
        raise ValueError(f"`known` must say the size of images. Received: {known}")
    return height, width, channels
