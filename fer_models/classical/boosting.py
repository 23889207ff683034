"""Gradient-boosted trees of LightGBM, kept as its own text.

Source: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree".
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from datasets.base.errors import InputError
from fer_models.classical.recipes import LgbmRecipe

if TYPE_CHECKING:
    from lightgbm.callback import CallbackEnv

PATIENCE = 30
"""Rounds without a lower loss on the held-out faces before boosting ends."""


class Trees:
    """Boosted trees, one sum per class."""

    def __init__(self, text: str) -> None:
        """Read LightGBM's model text.

        Raises:
            InputError: LightGBM cannot be loaded here, or the text is damaged.
        """
        lightgbm = _lightgbm()
        self.text = text
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise InputError(f"expected the text of a LightGBM model; {error}.") from error

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Sums of the trees, log-probabilities up to a constant, float32 (N, K) of (N, D)."""
        return self._booster.predict(features, raw_score=True).astype(np.float32)

    def count_params(self) -> int:
        """Numbers that were learnt: a threshold per split, a value per leaf."""
        return len(self._booster.trees_to_dataframe())


def fit_trees(
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    num_classes: int,
    recipe: LgbmRecipe,
    seed: int,
) -> Trees:
    """Boost on features (N, D) and labels (N,); as many trees as suit the validation rows best."""
    lightgbm = _lightgbm()
    options = {
        "objective": "multiclass",
        "num_class": num_classes,
        "num_leaves": recipe.leaves,
        "learning_rate": recipe.learning_rate,
        "feature_fraction": recipe.feature_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "min_data_in_leaf": min(50, max(1, len(train[0]) // 100)),
        "max_bin": 63,
        "metric": "multi_logloss",
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "verbose": -1,
    }
    rows = lightgbm.Dataset(*train, params=options)
    booster = lightgbm.train(
        options,
        rows,
        recipe.trees,
        valid_sets=[rows.create_valid(*validation)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), _report],
    )
    return Trees(booster.model_to_string(num_iteration=booster.best_iteration))


def _report(state: "CallbackEnv") -> None:
    """Print one line every 25 rounds on standard error."""
    if (state.iteration + 1) % 25 == 0:
        loss = state.evaluation_result_list[0][2]
        print(f"round {state.iteration + 1}: loss {loss:.3f} on held-out faces", file=sys.stderr)


def _lightgbm() -> ModuleType:
    try:
        import lightgbm
    except OSError as error:  # its wheel leaves OpenMP to the system
        raise InputError(
            f"LightGBM cannot be loaded: {error}. It needs OpenMP: apt install libgomp1, or on "
            "macOS brew install libomp."
        ) from error
    return lightgbm
