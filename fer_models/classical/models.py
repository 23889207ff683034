"""Classical models of 48x48 grey faces, and their arrays on disk (`.npz`, no pickle)."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

from datasets.base.errors import InputError
from fer_models.classical.autoencoder import Encoder, build
from fer_models.classical.boosting import Trees
from fer_models.classical.features import extract
from fer_models.classical.recipes import Features, LgbmRecipe, SvmRecipe
from fer_models.classical.svm import Svm
from fer_models.weights import fill, model_arrays, read_arrays


class FaceModel(Protocol):
    """Classifies faces uint8 (N, 48, 48, 1)."""

    def logits(self, faces: np.ndarray) -> np.ndarray:
        """float32 (N, K)."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays from which the model can be rebuilt, by name."""

    def count_params(self) -> int:
        """How many numbers were learnt."""


@dataclass(frozen=True, eq=False)
class FeatureSvm:
    """An SVM on hand-made features.

    Attributes:
        kinds: features, in the order of the SVM's columns.
        svm: decides on them.
    """

    kinds: tuple[Features, ...]
    svm: Svm

    def logits(self, faces: np.ndarray) -> np.ndarray:
        """Scaled decision values float32 (N, K)."""
        return self.svm.logits(np.concatenate(extract(faces, self.kinds), axis=1))

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays of the SVM."""
        return vars(self.svm)

    def count_params(self) -> int:
        """Numbers in all arrays."""
        return sum(array.size for array in self.arrays().values())


@dataclass(frozen=True, eq=False)
class FaceTrees:
    """Boosted trees on pixels (0 to 255), or on an autoencoder's code.

    Attributes:
        trees: decide.
        encoder: computes the code; None for pixels.
    """

    trees: Trees
    encoder: Encoder | None

    def logits(self, faces: np.ndarray) -> np.ndarray:
        """Log-probabilities up to a constant, float32 (N, K)."""
        return self.trees.logits(tree_features(faces, self.encoder))

    def arrays(self) -> dict[str, np.ndarray]:
        """LightGBM's text as bytes, and the autoencoder's weights."""
        text = np.frombuffer(self.trees.text.encode(), np.uint8)
        weights = {} if self.encoder is None else model_arrays(self.encoder.autoencoder)
        return {"trees": text, **weights}

    def count_params(self) -> int:
        """Thresholds, leaves and the autoencoder's weights."""
        coder = 0 if self.encoder is None else self.encoder.autoencoder.count_params()
        return self.trees.count_params() + coder


def tree_features(faces: np.ndarray, encoder: Encoder | None) -> np.ndarray:
    """Input of the trees: pixels float32 (N, 2304), or codes float64 (N, code)."""
    if encoder is None:
        return faces.reshape(len(faces), -1).astype(np.float32)
    return encoder(faces)


def read_model(recipe: SvmRecipe | LgbmRecipe, path: Path) -> FaceModel:
    """Rebuild a model from its file.

    Raises:
        InputError: the file is missing, cut short, or holds another kind of model.
    """
    arrays = read_arrays(path)
    expected = {"trees"} if isinstance(recipe, LgbmRecipe) else {f.name for f in fields(Svm)}
    if not expected <= arrays.keys():
        raise InputError(
            f"{path}: expected arrays {', '.join(sorted(expected))}; found "
            f"{', '.join(sorted(arrays))}. These are the weights of another kind of model."
        )
    if isinstance(recipe, SvmRecipe):
        return FeatureSvm(recipe.features, Svm(**arrays))
    trees = Trees(arrays.pop("trees").tobytes().decode())
    if not recipe.code:
        return FaceTrees(trees, None)
    autoencoder = build(recipe.code)
    fill(autoencoder, arrays, path)
    return FaceTrees(trees, Encoder(autoencoder))
