"""A foreign model as a Classifier: with gradients where it is or becomes a net."""

import sys
from copy import copy
from dataclasses import replace

import numpy as np

from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from fer_models.classifier import Classifier, ModelError
from fer_models.contract import Contract, Output, PixelStep
from fer_models.foreign.chosen_output import emotions_of
from fer_models.foreign.class_order import columns_of
from fer_models.foreign.contract_file import (
    ContractFile,
    contract_of,
    identity,
    says_pixels,
)
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import short_name
from fer_models.foreign.raw_model import (
    RawModel,
    are_from_sigmoid,
    are_probabilities,
    ask_without_check,
)
from fer_models.foreign.scalings import LEAST_STEPS, MOST_CLIPPED, clipped_share, steps_between
from fer_models.foreign.size_and_classes import answers_of_size, other_size
from fer_models.foreign.translated import translated
from fer_models.given_objects import given_model, is_classifier, is_given
from fer_models.hub.hugging_face import is_hugging_face
from fer_models.net_classifier import NetClassifier
from fer_models.pixels.in_numpy import fitted_images
from fer_models.without_gradients import black_box_if_useless


class BlackBoxClassifier(Classifier):
    """A model without gradients, behind its contract."""

    def __init__(self, raw: RawModel, file: ContractFile) -> None:
        self.contract, self._order = file.contract()
        self.id = short_name(raw.name)
        self.scheme, self.face_side = self.contract.scheme, self.contract.height
        self.weights_sha256 = identity(raw.sha256, file)
        self._raw = raw

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        inputs = fitted_images(images, self.contract)
        outputs = ask_without_check(self._raw, inputs)
        if outputs.shape[1] != len(self._order):  # a service was not asked before
            raise ModelError(
                f"{self._raw.name}: its contract names {len(self._order)} classes; it returned "
                f"{outputs.shape[1]} numbers per image. Correct `classes`."
            )
        outputs = outputs[:, self._order]
        if self.contract.output is Output.PROBABILITIES:
            outputs = np.log(np.maximum(outputs, 1e-30))
        return outputs.astype(np.float32)


def load_foreign(
    name: str, contract: ContractFile | None = None, faces: np.ndarray | None = None
) -> Classifier:
    """Load a model by path or `module:callable`.

    Args:
        name: path or `module:callable`.
        contract: its contract; the file beside the model when None.
        faces: see `classify_with`.

    Raises:
        InputError: model or contract is missing or damaged, or they do not fit each other.
    """
    file = contract or contract_of(name)
    if is_given(name) and is_classifier(given_model(name).model):
        classifier = copy(given_model(name).model)
        classifier.id = short_name(name)
        classifier.weights_sha256 = identity(classifier.weights_sha256, file)
        return _checked(classifier, name, faces)
    raw = open_model(name)
    if is_hugging_face(name) and not says_pixels(name):
        from fer_models.pytorch.hugging_face import check_preprocessor

        check_preprocessor(name, file.classes)
    return classify_with(raw, file, faces)


def classify_with(raw: RawModel, file: ContractFile, faces: np.ndarray | None = None) -> Classifier:
    """Put an opened model behind a contract.

    Args:
        raw: the model.
        file: its contract.
        faces: uint8 (N, H, W, C) on which a translation to a net has to agree with the model, and
            a net must have a gradient; the generated sample when None.

    Raises:
        InputError: they do not fit each other.
    """
    contract, order = file.contract()
    raw = emotions_of(raw, file)
    doubt = _check_fit(raw, contract, file.columns is not None)
    if raw.translate is not None:
        found = translated(BlackBoxClassifier(raw, file), raw, file, faces)
        _warn("" if isinstance(found, NetClassifier) else doubt)
        return found
    _warn(doubt)
    if raw.torch_module is not None:
        net = _torch_classifier(raw, file, contract, order)
        return black_box_if_useless(net, raw.name, faces)
    if raw.keras_model is None:
        return BlackBoxClassifier(raw, file)
    from fer_models.foreign.keras_columns import with_columns
    from fer_models.keras_classifier import wrap

    model = raw.keras_model
    if order != sorted(order):
        model = with_columns(model, order)
    if raw.softmax_removed:
        contract = replace(contract, output=Output.LOGITS)
    sha256 = identity(raw.sha256, file)
    net = wrap(model, contract, model_id=short_name(raw.name), weights_sha256=sha256)
    return black_box_if_useless(net, raw.name, faces)


def _torch_classifier(
    raw: RawModel, file: ContractFile, contract: Contract, order: list[int]
) -> NetClassifier:
    from fer_models.pytorch.classifier import wrap_torch

    if raw.softmax_removed:
        contract = replace(contract, output=Output.LOGITS)
    return wrap_torch(
        raw.torch_module,
        contract,
        model_id=short_name(raw.name),
        weights_sha256=identity(raw.sha256, file),
        columns=columns_of(order, file.columns),
    )


def _checked(classifier: Classifier, name: str, faces: np.ndarray | None) -> Classifier:
    """A classifier that was given as an object; a net only where it has gradients."""
    if isinstance(classifier, NetClassifier):
        contract, is_part = classifier.contract, getattr(classifier, "columns", None) is not None
        is_soft, images = contract.output is Output.PROBABILITIES, _noise(contract)
        answers = classifier.outputs(images, contract) if is_soft else classifier.logits(images)
        _warn(_check_kind(name, contract, answers, are_probabilities(answers, is_part)))
        return black_box_if_useless(classifier, name, faces)
    return classifier


def _size(contract: Contract) -> tuple[int, int, int]:
    return contract.height, contract.width, contract.channels


def _noise(contract: Contract) -> np.ndarray:
    """Two images float32 (2, H, W, C) in [0, 1] of the size that a contract says."""
    return np.random.default_rng(0).random((2, *_size(contract)), np.float32)


def _warn(line: str) -> None:
    if line:
        print(f"warning: {line}", file=sys.stderr)


def _check_fit(raw: RawModel, contract: Contract, is_part: bool) -> str:
    """Refuse what does not fit; a line on outputs that may not be the logits they are called."""
    shape = _size(contract)
    if raw.shape is not None and raw.shape != shape:
        raise other_size(raw, raw.shape, shape)
    _refuse_clipped(raw, contract)
    _refuse_coarse(raw, contract)
    if contract.low > contract.high:
        _warn(
            f"{raw.name}: its contract says low {contract.low:g}, the value of a black pixel, and "
            f"high {contract.high:g}, that of a white one: its faces are negatives. If that is not "
            "so, exchange them."
        )
    answers = answers_of_size(raw, fitted_images(_noise(contract), contract))
    count = contract.scheme.num_classes
    if answers.shape[1] != count:
        raise InputError(
            f"{raw.name}: its contract names {count} classes, so outputs must be "
            f"(N, {count}); got {answers.shape}. Correct `classes`, or name `columns`."
        )
    if raw.softmax_removed:
        return ""
    return _check_kind(raw.name, contract, answers, are_probabilities(answers, is_part))


def _refuse_clipped(raw: RawModel, contract: Contract) -> None:
    """Refuse pixels that the number format of a model's input cuts off."""
    ends = contract.low, contract.high
    share = clipped_share(ends, contract.mean, contract.std, raw.limits)
    if raw.limits is None or PixelStep.STANDARDISE in contract.steps or share <= MOST_CLIPPED:
        return
    black, white = ((end - contract.mean[0]) / contract.std[0] for end in ends)
    raise InputError(
        f"{raw.name}: its input takes values from {raw.limits[0]:g} to {raw.limits[1]:g} and cuts "
        f"off others; got a contract by which black is {black:g} and white {white:g}, so that "
        f"{in_percent(share)} % of the span between them is lost. Correct its contract."
    )


def _refuse_coarse(raw: RawModel, contract: Contract) -> None:
    """Refuse pixels that the number format of a model's input rounds to a few values."""
    is_standardised = PixelStep.STANDARDISE in contract.steps
    steps = steps_between((contract.low, contract.high), contract.std, is_standardised, raw.step)
    if steps >= LEAST_STEPS:
        return
    raise InputError(
        f"{raw.name}: its input takes values {raw.step:g} apart, so faces must span at least "
        f"{LEAST_STEPS} such steps; got a contract whose pixels span {steps:.3g}, the others would "
        "be rounded. Correct its contract, often to a `high` of 255."
    )


def _check_kind(name: str, contract: Contract, answers: np.ndarray, probabilities: bool) -> str:
    """Compare what a contract says of outputs with two answers (2, K); see `_check_fit`."""
    if contract.output is Output.PROBABILITIES:
        if not probabilities:
            raise _no_probabilities(name, answers)
        return ""
    if probabilities:
        found = "are at least 0 and sum to 1 (or 100): if they are probabilities"
        step = 'Write "output": "probabilities".'
    elif are_from_sigmoid(answers):
        found = "lie between 0 and 1: if they are those of a sigmoid"
        step = "Leave out the sigmoid, or return log(p / (1 - p)) of its outputs p."
    else:
        return ""
    return (
        f"{name}: its contract says logits, but the outputs for two images {found}, gradients "
        f"vanish and the model looks robust. {step}"
    )


def _no_probabilities(name: str, answers: np.ndarray) -> InputError:
    step = "Did you mean logits?"
    if are_from_sigmoid(answers):
        step = (
            "Outputs of a sigmoid are no probabilities of one class among all, and no logits: "
            "leave out the sigmoid, or return log(p / (1 - p)) of its outputs p, and write logits."
        )
    elif answers.min() >= 0 and answers.max() <= 100:
        step += " Of percentages p of a sigmoid, return log(p / (100 - p))."
    return InputError(
        f"{name}: its contract says probabilities, which must be at least 0 and sum to 1 (or "
        f"100); two images gave values from {answers.min():.3g} to {answers.max():.3g}, sums "
        f"{answers[0].sum():.3g} and {answers[1].sum():.3g}. {step}"
    )
