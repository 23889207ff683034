"""The table of architectures: a new one is a file with `build` and `RECIPE`, and an entry here."""

import importlib
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from datasets.base.errors import InputError
from fer_models.cards import AnyRecipe
from fer_models.classical.recipes import CLASSICAL
from fer_models.recipe import MEAN_OF_NETS, Recipe

if TYPE_CHECKING:
    import keras

ARCHITECTURES: dict[str, str] = {
    "vgg_small": "fer_models.architectures.vgg_small",
    "mirror_cnn": "fer_models.architectures.mirror_cnn",
    "simple_cnn": "fer_models.architectures.simple_cnn",
    "mini_xception": "fer_models.architectures.mini_xception",
    "xception": "fer_models.architectures.xception",
    "four_conv_cnn": "fer_models.architectures.four_conv_cnn",
    "plain_cnn": "fer_models.architectures.plain_cnn",
    "inception": "fer_models.architectures.inception",
    "dexpression": "fer_models.architectures.dexpression",
    "emopy_cnn": "fer_models.architectures.emopy_cnn",
    "tflearn_cnn": "fer_models.architectures.tflearn_cnn",
    "mobilenet_v2": "fer_models.architectures.mobilenet_v2",
    "vgg16_transfer": "fer_models.architectures.vgg16_transfer",
    "hybrid": "fer_models.architectures.hybrid",
    "emotional_dan": "fer_models.architectures.emotional_dan",
    "tiny": "fer_models.architectures.tiny",
}
"""Name to module."""


def architecture(
    name: str,
) -> tuple[Callable[[tuple[int, int, int], int], "keras.Model"], Recipe]:
    """Its `build(input_shape, num_classes)` and its recipe.

    Raises:
        InputError: no architecture has this name.
    """
    if name in CLASSICAL:
        nets = ", ".join(sorted(ARCHITECTURES))
        raise InputError(f"{name} is not a neural net; expected one of {nets}.")
    if name == MEAN_OF_NETS:
        raise InputError(
            f"{name} needs no training: it is the mean of other nets. Train those by their names."
        )
    if name not in ARCHITECTURES:
        known = [*ARCHITECTURES, *CLASSICAL]
        close = get_close_matches(name, known, 1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise InputError(
            f"an architecture must be one of {', '.join(known)}; got {name!r}. "
            f"{hint}To add one, write a file and an entry in fer_models/architectures/registry.py."
        )
    module = importlib.import_module(ARCHITECTURES[name])
    return module.build, module.RECIPE


def recipe_of(name: str) -> AnyRecipe:
    """How an architecture, or a classical classifier, is trained.

    Raises:
        InputError: nothing has this name.
    """
    return CLASSICAL[name] if name in CLASSICAL else architecture(name)[1]


def pretrained_of(name: str) -> "keras.Model | None":
    """The net whose layers an architecture starts from, where its module has `pretrained()`.

    Raises:
        InputError: its weights are missing or damaged, or could not be fetched.
    """
    pretrained = getattr(importlib.import_module(ARCHITECTURES[name]), "pretrained", None)
    try:
        return pretrained() if pretrained else None
    except Exception as error:  # all that Keras raises when a download fails
        if "URL fetch failure" not in str(error):
            raise
        raise InputError(
            f"{name} starts from weights that could not be fetched: {error}. Name a Keras file of "
            "the same layers with --start-from FILE.keras."
        ) from error
