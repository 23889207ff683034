"""A black box that can be translated to a PyTorch net, if both agree on faces.

Not here: translating (`fer_models/pytorch/onnx/`).
"""

import sys
from dataclasses import replace

import numpy as np
from scipy.special import softmax

from datasets.base.errors import InputError, words_of
from datasets.sample.faces import read_sample
from fer_models.classifier import Classifier, NoTranslationError
from fer_models.contract import Output
from fer_models.foreign.class_order import columns_of
from fer_models.foreign.contract_file import ContractFile
from fer_models.foreign.raw_model import RawModel, ask_without_check
from fer_models.pixels.in_numpy import fitted_images

FACES = 64
"""Faces on which a translation has to agree with the model."""
TOLERANCE = 1e-4
"""Largest difference of the probabilities of a face, from its pixels on."""


def translated(
    black_box: Classifier, raw: RawModel, file: ContractFile, faces: np.ndarray | None
) -> Classifier:
    """The translated model, with gradients; else the black box, and one line on standard error.

    Args:
        black_box: the model as its own runtime answers.
        raw: the same model, with its emotions chosen.
        file: its contract.
        faces: uint8 (N, H, W, C); some of them are tried. The generated sample when None.

    Raises:
        InputError: its file is for one image, and no translation takes more.
    """
    if faces is None:
        faces = read_sample().images
    rows = np.linspace(0, len(faces) - 1, FACES).astype(int)  # few faces: some again
    images = faces[rows].astype(np.float32) / np.float32(255)
    try:
        net = _net(black_box, raw, file, images)
        if raw.export_for_any:
            print(
                f"{raw.name}: its file takes one image; its translation takes any number and "
                f"gives the same answers on {FACES} faces, so it is attacked with its gradients.",
                file=sys.stderr,
            )
        return net
    except ImportError as error:
        extra = "torch" if (error.name or "").startswith("torch") else "onnx"
        why = f"{error.name} is not installed: pip install -e '.[{extra}]'"
    except NoTranslationError as error:
        why = str(error)
    except Exception as error:  # a graph can break in as many ways as PyTorch has errors
        why = f"its translation to PyTorch fails: {words_of(error)}"
    if raw.export_for_any:
        raise InputError(
            f"{raw.name}: must take any number of images; it takes exactly 1, and a translation "
            f"that takes more cannot be used, because {why}. Export it by {raw.export_for_any}."
        )
    black_box.no_gradients = why
    print(f"{raw.name}: attacked as a black box, because {why}.", file=sys.stderr)
    return black_box


def _net(
    black_box: Classifier, raw: RawModel, file: ContractFile, images: np.ndarray
) -> Classifier:
    """The translated model.

    Args:
        black_box: see `translated`; so are `raw` and `file`.
        raw: the same model.
        file: its contract.
        images: float32 (N, H, W, C) in [0, 1].

    Raises:
        NoTranslationError: the model cannot be translated, or the translation gives other logits.
    """
    from fer_models.pytorch.classifier import wrap_torch

    contract, order = file.contract()
    inputs = fitted_images(images, contract)
    finite = np.isfinite(ask_without_check(raw, inputs)).all(axis=1)
    images, inputs = images[finite], inputs[finite]  # whoever classifies the others is told
    assert raw.translate is not None
    module, removed = raw.translate(raw.place, columns_of(order, file.columns), inputs)
    expected = black_box.logits(images)
    if removed and contract.output is Output.LOGITS:  # of a softmax, whatever its contract says
        expected = np.log(np.maximum(expected, 1e-30))
    if removed:
        contract = replace(contract, output=Output.LOGITS)
    net = wrap_torch(
        module, contract, model_id=black_box.id, weights_sha256=black_box.weights_sha256
    )
    shares = [softmax(logits, axis=1) for logits in (net.logits(images), expected)]
    difference = float(np.abs(shares[0] - shares[1]).max())
    if difference > TOLERANCE:
        raise NoTranslationError(
            "its translation to PyTorch differs from its own runtime by up to "
            f"{difference:.2g} in the probabilities of a face; at most {TOLERANCE:g} is allowed"
        )
    return net
