"""Other libraries' attacks behind one signature: (images, labels) -> attacked images.

Their results are not trusted: `benchmarks/attacks.py` projects them to eps and [0, 1], and lets our
classifier predict again.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf

from attacks.ensembles.full import FullEnsemble
from attacks.precision_trial import BUDGETS
from attacks.threat_model import Norm
from benchmarks.attacker import Attacker, OwnAttacker
from datasets.base.errors import InputError
from fer_models.gradients import SymbolicClassifier

_INSTALL = "pip install -e .[bench]"


def art(
    classifier: SymbolicClassifier,
    shape: tuple[int, ...],
    name: str,
    eps: float,
    budget: int,
    batch: int,
) -> Attacker:
    """An attack of the Adversarial Robustness Toolbox.

    Args:
        classifier: the model to attack.
        shape: (H, W, C) of the images.
        name: pgd, apgd or square.
        eps: radius, linf.
        budget: steps or queries.
        batch: images per call.

    Raises:
        InputError: it is not installed.
    """
    _give_keras_2_names()
    try:
        from art.attacks import evasion
        from art.estimators.classification import TensorFlowV2Classifier
    except ImportError as error:
        raise InputError(f"ART is not installed ({error}): {_INSTALL}") from error
    estimator = TensorFlowV2Classifier(
        model=_input_differentiable(classifier),
        nb_classes=classifier.scheme.num_classes,
        input_shape=shape,
        loss_object=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )
    same: dict[str, Any] = {"norm": np.inf, "eps": eps, "max_iter": budget, "batch_size": batch}
    if name == "pgd":
        attack = evasion.ProjectedGradientDescent(
            estimator, eps_step=eps / 4, verbose=False, **same
        )
    elif name == "apgd":
        attack = evasion.AutoProjectedGradientDescent(
            estimator,
            eps_step=2 * eps,
            nb_random_init=1,
            loss_type="cross_entropy",
            verbose=False,
            **same,
        )
    else:
        attack = evasion.SquareAttack(estimator, p_init=0.8, verbose=False, **same)
    classes = np.eye(classifier.scheme.num_classes, dtype=np.float32)
    return lambda images, labels: attack.generate(images, y=classes[labels])


def foolbox(
    classifier: SymbolicClassifier,
    shape: tuple[int, ...],
    name: str,
    eps: float,
    budget: int,
    batch: int,
) -> Attacker:
    """An attack of foolbox: pgd, fmn, deepfool (l2) or hop_skip_jump; see `art`.

    All but pgd look for the smallest perturbation by themselves.

    Raises:
        InputError: it is not installed.
    """
    try:
        from foolbox import TensorFlowModel
        from foolbox.attacks import (
            HopSkipJumpAttack,
            L2DeepFoolAttack,
            LInfFMNAttack,
            LinfProjectedGradientDescentAttack,
        )
    except ImportError as error:
        raise InputError(f"foolbox is not installed ({error}): {_INSTALL}") from error
    model = TensorFlowModel(_input_differentiable(classifier), bounds=(0, 1), device="/CPU:0")
    attack = {
        "pgd": partial(LinfProjectedGradientDescentAttack, rel_stepsize=0.25),
        "fmn": LInfFMNAttack,
        "deepfool": L2DeepFoolAttack,
        "hop_skip_jump": partial(HopSkipJumpAttack, constraint="linf"),
    }[name](steps=budget)

    def attacker(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        options: dict[str, Any] = {"epsilons": eps if name == "pgd" else None}
        if name == "hop_skip_jump":
            options["starting_points"] = _of_other_classes(images, labels)
        _, found, _ = attack(model, tf.constant(images), tf.constant(labels), **options)
        return np.asarray(found)

    return attacker


def _of_other_classes(images: np.ndarray, labels: np.ndarray) -> tf.Tensor:
    """For each image the first of another class; foolbox's own start, noise, breaks few faces."""
    return tf.constant(images[[int(np.argmax(labels != label)) for label in labels]])


def bare_loop(*settings: Any) -> Attacker:
    """A plain loop in PyTorch; see `benchmarks/bare_pytorch.py`."""
    from benchmarks.bare_pytorch import bare_pytorch

    return bare_pytorch(*settings)


def auto_attack(*settings: Any) -> Attacker:
    """AutoAttack by its authors; see `benchmarks/auto_attack.py`."""
    from benchmarks.auto_attack import AutoAttacker

    return AutoAttacker(*settings)


def torchattacks(*settings: Any) -> Attacker:
    """An attack of torchattacks; see `benchmarks/torch_attacks.py`."""
    from benchmarks.torch_attacks import torch_attacks

    return torch_attacks(*settings)


def full_ensemble(
    classifier: SymbolicClassifier,
    shape: tuple[int, ...],
    name: str,
    eps: float,
    budget: int | None,
    batch: int,
) -> Attacker:
    """Our own attacks at full length, linf; see `art`.

    Args:
        classifier: the model to attack, in the precision of the ensemble that it judges.
        shape: not needed.
        name: not needed.
        eps: radius, linf.
        budget: steps and queries of each part; the published ones when None.
        batch: not needed.
    """
    options = {} if budget is None else dict.fromkeys(BUDGETS, budget)
    return OwnAttacker(FullEnsemble(norm=Norm.LINF, eps=eps, **options), classifier)


JUDGES: dict[tuple[str, str], Callable[..., Attacker]] = {
    ("pgd", "art"): art,
    ("apgd", "art"): art,
    ("square", "art"): art,
    ("pgd", "foolbox"): foolbox,
    ("fmn", "foolbox"): foolbox,
    ("deepfool", "foolbox"): foolbox,
    ("hop_skip_jump", "foolbox"): foolbox,
    ("pgd", "bare loop"): bare_loop,
    ("apgd", "bare loop"): bare_loop,
    ("ensemble", "ensemble_full"): full_ensemble,
    ("ensemble", "autoattack"): auto_attack,
    **{(name, "torchattacks"): torchattacks for name in ("pgd", "apgd", "square", "deepfool")},
}
"""Attack and library that has it."""
ON_PYTORCH = ("bare loop", "autoattack", "torchattacks")
"""Judges that attack PyTorch modules."""
APART = "torchattacks"
"""A judge that needs an environment of its own, and is asked only where it is named."""


def _input_differentiable(classifier: SymbolicClassifier) -> Callable[..., tf.Tensor]:
    """Compiled logits whose backward pass stops at the pixels.

    Judges differentiate eagerly, where TensorFlow computes the filters' gradients too, and with
    oneDNN that of a strided 1x1 convolution of few channels (mini-XCEPTION) kills the process:
    "double free or corruption".
    """
    forward = tf.function(classifier.symbolic_logits, autograph=False, reduce_retracing=True)

    @tf.function(autograph=False, reduce_retracing=True)
    def backward(images: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = classifier.symbolic_logits(images)
        return tape.gradient(logits, images, output_gradients=upstream)

    @tf.custom_gradient
    def logits(images: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor, variables: list | None = None) -> Any:
            found = backward(images, upstream)
            return (found, [None] * len(variables)) if variables else found

        return forward(images), gradient

    return lambda images, training=False: logits(tf.convert_to_tensor(images, tf.float32))


def _give_keras_2_names() -> None:
    """ART 1.20.1 uses Keras 2's names of reductions; Keras 3 takes plain words."""
    if not hasattr(tf.keras.losses, "Reduction"):
        words = {"NONE": "none", "SUM": "sum", "SUM_OVER_BATCH_SIZE": "sum_over_batch_size"}
        tf.keras.losses.Reduction = SimpleNamespace(**words)
