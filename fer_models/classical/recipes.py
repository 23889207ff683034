"""The table of classical classifiers, and how each is trained, as data for its card.

A new one is an entry here, and a kind of features in `fer_models/classical/features.py` if need be.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Features(StrEnum):
    """What an SVM looks at; see `fer_models/classical/features.py`."""

    HOG = "hog"
    SLIDING_HOG = "sliding_hog"
    LANDMARKS = "landmarks"


@dataclass(frozen=True)
class SvmRecipe:
    """A support vector machine on hand-made features.

    A kernel SVM on these features keeps nearly every training row as a support vector, hundreds of
    megabytes. So features are reduced (PCA), the kernel is approximated by its values at `centres`
    training rows (Nystroem), and a linear least-squares SVM decides on those.

    Attributes:
        epochs: none, it learns all rows at once.
        features: put side by side.
        components: dimensions that PCA keeps per kind of features.
        centres: training rows the kernel is measured at.
        gamma: factor of the kernel exp(-gamma d^2), with d^2 in units of its mean over two rows.
        penalty: penalty of large coefficients, as in ridge regression.
    """

    epochs: ClassVar[int] = 0

    features: tuple[Features, ...]
    components: tuple[int, ...]
    centres: int = 1000
    gamma: float = 2.0
    penalty: float = 0.1


@dataclass(frozen=True)
class LgbmRecipe:
    """Gradient-boosted trees on pixels, or on the code of an autoencoder.

    Attributes:
        epochs: none, it learns all rows at once.
        trees: most trees per class; held-out faces choose how many are kept.
        leaves: leaves of a tree.
        learning_rate: weight of each tree.
        feature_share: share of the features a tree may look at.
        code: width of the autoencoder's code, 0 for trees on pixels.
        code_epochs: passes of the autoencoder over the training rows.
    """

    epochs: ClassVar[int] = 0

    trees: int
    leaves: int = 15
    learning_rate: float = 0.15
    feature_share: float = 0.2
    code: int = 0
    code_epochs: int = 0


CLASSICAL: dict[str, SvmRecipe | LgbmRecipe] = {
    "hog_svm": SvmRecipe((Features.HOG,), components=(120,)),
    "landmark_svm": SvmRecipe((Features.LANDMARKS,), components=(60,), gamma=1.0),
    "hog_landmark_svm": SvmRecipe(
        (Features.HOG, Features.LANDMARKS), components=(120, 50), gamma=1.0
    ),
    "sliding_hog_landmark_svm": SvmRecipe(
        (Features.SLIDING_HOG, Features.LANDMARKS), components=(150, 50), gamma=1.0
    ),
    "lgbm_flat": LgbmRecipe(trees=150, feature_share=0.1),
    "lgbm_autoencoded": LgbmRecipe(trees=150, feature_share=0.5, code=64, code_epochs=8),
}
"""Name to recipe."""
