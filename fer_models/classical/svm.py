"""A least-squares support vector machine with an approximated Gaussian kernel, as six arrays.

Sources: Suykens & Vandewalle 1999, "Least squares support vector machine classifiers"; Williams &
Seeger 2001, "Using the Nystroem method to speed up kernel machines".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from fer_models.classical.recipes import SvmRecipe


@dataclass(frozen=True, eq=False)
class Svm:
    """Decision values: exp(-gamma |(x - mean) projection - centres|^2) coefficients + intercept.

    Attributes:
        mean: float32 (D,).
        projection: float16 (D, d), scaling and PCA in one.
        centres: float16 (m, d).
        gamma: float64 ().
        coefficients: float32 (m, K), Nystroem's normalisation and the linear machine in one.
        intercept: float32 (K,).
    """

    mean: np.ndarray
    projection: np.ndarray
    centres: np.ndarray
    gamma: np.ndarray
    coefficients: np.ndarray
    intercept: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Scaled decision values float32 (N, K) of features (N, D).

        Computed in float64, so that a row's answer does not depend on its batch.
        """
        kernel = _kernel(self._reduced(features), self.centres, float(self.gamma))
        return (kernel @ self.coefficients.astype(np.float64) + self.intercept).astype(np.float32)

    def _reduced(self, features: np.ndarray) -> np.ndarray:
        return (features.astype(np.float64) - self.mean) @ self.projection.astype(np.float64)


def fit_svm(
    features: Sequence[np.ndarray],
    labels: np.ndarray,
    num_classes: int,
    recipe: SvmRecipe,
    seed: int,
) -> Svm:
    """Fit an SVM; each array is rounded as stored before what follows it is fitted.

    Args:
        features: features of each kind, float32 (N, D of the kind); all kinds have the same weight.
        labels: int (N,) in [0, K).
        num_classes: K.
        recipe: sizes and penalty.
        seed: seed of the choice of centres, and of PCA where it samples.
    """
    from sklearn.linear_model import Ridge

    parts = [_projection(part, width, seed) for part, width in zip(features, recipe.components)]
    mean = np.concatenate([mean for mean, _ in parts])
    projection = block_diag(*(projection for _, projection in parts)).astype(np.float16)
    reduced = (np.concatenate(features, axis=1) - mean) @ projection.astype(np.float32)
    count = min(recipe.centres, len(reduced))
    chosen = np.random.default_rng(seed).choice(len(reduced), count, replace=False)
    centres = reduced[chosen].astype(np.float16)
    gamma = recipe.gamma / max(2 * float(reduced.var(axis=0).sum()), 1e-12)
    normalise = _inverse_root(_kernel(centres, centres, gamma))
    mapped = _kernel(reduced, centres, gamma) @ normalise
    machine = Ridge(recipe.penalty).fit(mapped, 2 * np.eye(num_classes)[labels] - 1)
    return Svm(
        mean=mean,
        projection=projection,
        centres=centres,
        gamma=np.array(gamma),
        coefficients=(normalise @ machine.coef_.T).astype(np.float32),
        intercept=machine.intercept_.astype(np.float32),
    )


def _projection(features: np.ndarray, components: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean float32 (D,), and scaling followed by PCA (D, d), to a total variance near 1."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    width = min(components, *features.shape)
    pca = PCA(width, random_state=seed).fit(scaler.transform(features))
    size = scaler.scale_ * np.sqrt(max(pca.explained_variance_.sum(), 1e-4))
    return scaler.mean_.astype(np.float32), (pca.components_ / size).T


def _kernel(rows: np.ndarray, centres: np.ndarray, gamma: float) -> np.ndarray:
    """exp(-gamma d^2) of every row (N, d) and centre (m, d), float64 (N, m)."""
    from sklearn.metrics.pairwise import rbf_kernel

    return rbf_kernel(rows.astype(np.float64), centres.astype(np.float64), gamma)


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Inverse square root of a positive semi-definite matrix; tiny eigenvalues are lifted."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors / np.sqrt(np.maximum(values, 1e-6 * values.max())) @ vectors.T
