"""The size of images that a model's file does not say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7
from fer_models.classifier import ModelError
from fer_models.foreign.contract_file import PartialContract
from fer_models.foreign.probe_faces import probe_on
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.size_and_classes import image_shape, scheme_of, with_size
from tests.fer_models.foreign.oracle import faces

Shape = tuple[int, ...]


def model(takes: Callable[[Shape], bool], classes: int = 7) -> RawModel:
    """A model that answers images of some shapes (h, w, c)."""

    def call(images: np.ndarray) -> np.ndarray:
        if not takes(images.shape[1:]):
            raise ValueError("another shape")
        return np.tile(np.arange(classes, dtype=np.float32), (len(images), 1))

    return RawModel("net", call, None, None, "0")


def only(*shape: int) -> RawModel:
    return model(lambda found: found == shape)


def test_the_only_usual_size_that_a_model_takes_is_its_own() -> None:
    told: list[str] = []
    found = with_size(only(64, 64, 3), PartialContract(low=-1), told.append)
    assert found == PartialContract(low=-1, height=64, width=64, channels=3)
    assert told == ["net: takes images of 64x64x3 alone, of 54 usual sizes"]
    assert image_shape(only(64, 64, 3), found) == (64, 64, 3)


def test_what_the_contract_says_of_the_size_is_believed() -> None:
    grey = model(lambda shape: shape[0] == 48)
    found = with_size(grey, PartialContract(channels=3))
    assert (found.height, found.width, found.channels) == (48, 48, 3)
    whole = PartialContract(height=50, width=40, channels=1)
    assert with_size(only(48, 48, 1), whole) is whole
    known = RawModel("net", lambda images: images, (9, 9, 1), None, "0")
    assert with_size(known, PartialContract()) == PartialContract()


def test_several_sizes_or_none_are_refused() -> None:
    pooled = model(lambda shape: shape in ((48, 48, 1), (64, 64, 1)))
    with pytest.raises(InputError, match=r"and it takes 48x48x1, 64x64x1\. Write the size it was"):
        with_size(pooled, PartialContract())
    with pytest.raises(InputError, match="takes none of the usual sizes"):
        with_size(only(51, 51, 1), PartialContract())


@pytest.mark.parametrize(
    ("least", "most", "says"),
    [
        (41, 48, "takes 44x44x1, 48x48x1"),
        (96, 111, "takes 96x96x1, 100x100x1"),
        (64, 71, "takes every side from 64 to 71"),
        (57, 64, "takes 60x60x1, 64x64x1"),
        (105, 112, "takes every side from 105 to 112"),
        (288, 319, "takes every side from 288 to 319"),
    ],
)
def test_a_size_is_not_guessed_among_those_that_pools_leave(
    least: int, most: int, says: str
) -> None:
    net = model(lambda shape: least <= shape[0] <= most and shape[0] == shape[1] and shape[2] == 1)
    with pytest.raises(InputError, match=rf"and it {says}\. Write the size it was trained with"):
        with_size(net, PartialContract())


def test_no_side_is_tried_beside_the_one_that_the_contract_says() -> None:
    net = model(lambda shape: 64 <= shape[0] <= 71 and 64 <= shape[1] <= 71 and shape[2] == 1)
    assert with_size(net, PartialContract(height=64, width=64)).channels == 1
    with pytest.raises(InputError, match="takes every side from 64 to 71"):
        with_size(net, PartialContract(height=64))


def test_of_many_sizes_some_are_named() -> None:
    with pytest.raises(InputError, match=r"it takes 32x32x1, .*, 48x48x3 and 46 more\. Write"):
        with_size(model(lambda _: True), PartialContract())


@pytest.mark.parametrize(
    ("takes", "given", "channels"), [((3,), None, 3), ((1, 3), None, 1), ((), 3, 3), ((), None, 1)]
)
def test_the_size_that_is_suggested_has_channels_the_model_takes(
    takes: tuple[int, ...], given: Literal[3] | None, channels: int
) -> None:
    net = model(lambda shape: shape[2] in takes)
    with pytest.raises(InputError, match=rf'"width": 48, "channels": {channels}\}}; the probe'):
        with_size(net, PartialContract(channels=given))


def test_other_channels_than_those_of_the_contract_are_named() -> None:
    said = PartialContract(height=48, width=48, channels=1)
    with pytest.raises(InputError, match=r"^net: takes images of \(48, 48, 3\); .* \(48, 48, 1"):
        scheme_of(only(48, 48, 3), said)
    with pytest.raises(ModelError, match="another shape"):
        scheme_of(only(9, 9, 3), said)


def test_a_size_counts_only_with_one_number_per_class() -> None:
    five = ("angry", "fear", "happy", "sad", "neutral")
    net = model(lambda shape: shape == (48, 48, 1), classes=5)
    assert with_size(net, PartialContract(classes=five)).height == 48


def test_another_number_of_outputs_is_not_called_another_size() -> None:
    five = model(lambda shape: shape == (48, 48, 1), classes=5)
    names = r"got 5 outputs\. Write a contract that names its 5 \"classes\" in their order\."
    with pytest.raises(InputError, match=names):
        with_size(five, PartialContract())
    with pytest.raises(InputError, match=r"has 5 outputs, so its contract must name 5 classes"):
        with_size(five, PartialContract(classes=FER7.classes))


def test_channels_in_another_place_are_not_called_another_size() -> None:
    torch_net = replace(model(lambda shape: shape == (48, 1, 48)), torch_module="it sees 48, 48, 1")
    with pytest.raises(InputError, match=r"it takes \(N, h, w, c\), channels last\. Save a net ar"):
        with_size(torch_net, PartialContract())
    first = only(1, 48, 48)
    for known in (PartialContract(), PartialContract(height=48, width=48, channels=1)):
        with pytest.raises(
            InputError, match=r"it takes \(N, c, h, w\), channels first\. Let code "
        ):
            scheme_of(first, with_size(first, known))


def test_a_probe_finds_the_size_first() -> None:
    images, labels = faces(35)
    given = FaceSet("grey", Split.PUBLIC_TEST, images, np.arange(35), fer=labels)
    told: list[str] = []
    with pytest.raises(InputError, match="no scaling classifies more than"):
        probe_on(only(48, 48, 1), given, 35, PartialContract(classes=FER7.classes), told.append)
    assert "takes images of 48x48x1 alone" in told[0]
