"""Open a Hugging Face folder as a PyTorch net; compare its preprocessor with the contract."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from datasets.base.errors import InputError, words_of
from fer_models.contract import Contract
from fer_models.foreign.contract_file import contract_of_folder
from fer_models.foreign.names import contract_path
from fer_models.foreign.raw_model import RawModel
from fer_models.hub.hugging_face import PREPROCESSOR, WEIGHTS, folder_of
from fer_models.identity import fixed_images
from fer_models.pytorch.net import torch_net
from fer_models.pytorch.pixels import fit_to_contract

_EIGHT_BITS = 3 / 255
"""How far the folder's preprocessor, which rounds to 8 bits, may be from the contract, as a share
of the span from black to white."""
_OF_ONE_CLASS = "single_label_classification"
"""`problem_type` of a net whose logits are those of a softmax; most folders say none."""


class ImageLogits(torch.nn.Module):
    """A classifier of transformers that answers its logits alone."""

    def __init__(self, net: torch.nn.Module) -> None:
        """Take a classifier of transformers."""
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of images (N, C, H, W)."""
        logits: torch.Tensor = self.net(pixel_values=images).logits
        return logits


def open_hugging_face(name: str, sha256: str) -> RawModel:
    """Open a folder, or a model of the hub by `hf:owner/name`; code inside it is never run.

    Raises:
        InputError: no weights, weights that are damaged or leave a part of the net at random, an
            unknown kind of net, or transformers is not installed.
    """
    folder = folder_of(name)
    try:
        from transformers import AutoModelForImageClassification
    except ImportError as error:
        raise InputError(
            f"{name}: needs a package that is not installed ({error.name}): pip install -e '.[hf]'."
        ) from error
    try:
        with _quiet():
            net, told = AutoModelForImageClassification.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, in words
                torch_dtype=torch.float32,
            )
    except UnpicklingError as error:
        raise InputError(
            f"{name}: must hold weights alone; {WEIGHTS[2]} is a pickle of Python objects, which "
            "runs code when it is read. Save it again with save_pretrained."
        ) from error
    except Exception as error:  # a damaged file, an unknown kind of net, ...
        raise InputError(
            f"{name}: expected a folder of transformers with an image classifier and its weights, "
            f"got {words_of(error)}. Save it again with save_pretrained."
        ) from error
    if others := sorted(told["mismatched_keys"]):
        weight, own, wanted = others[0]
        raise InputError(
            f"{name}: expected weights that fit config.json; {weight} is {tuple(own)}, by "
            f"config.json {tuple(wanted)}. Correct id2label or image_size there, or save both "
            "again with save_pretrained."
        )
    if lost := sorted(told["missing_keys"]):
        raise InputError(
            f"{name}: expected weights for the whole net; {len(lost)} are missing, such as "
            f"{lost[0]}, and would be random. Save it again with save_pretrained."
        )
    if (kind := net.config.problem_type) not in (None, _OF_ONE_CLASS):
        print(
            f"warning: {name}: its config.json says {kind}, not {_OF_ONE_CLASS}. Its largest "
            "output is taken for its answer; the softmax of its outputs, and with it the "
            "calibration, tells nothing. If it was trained for one class of a face, correct "
            "problem_type there.",
            file=sys.stderr,
        )
    return torch_net(name, ImageLogits(net), sha256)


def check_preprocessor(name: str, classes: tuple[str, ...]) -> None:
    """Compare the contract that Deadpan reads in a folder with the folder's own preprocessor.

    What a contract file beside it changes is the user's word, and is not compared.

    Raises:
        InputError: it does something else to an image.
    """
    folder = folder_of(name)
    if not (folder / PREPROCESSOR).is_file():
        return
    contract, _ = contract_of_folder(name, classes).contract()
    images = _coloured_images()
    _compare(name, folder, contract, images)
    if not contract.keep_aspect:  # else the middle is cut out, which not every preprocessor does
        _compare(name, folder, contract, images[:, : images.shape[1] * 3 // 4])


def _compare(name: str, folder: Path, contract: Contract, images: np.ndarray) -> None:
    """Refuse a contract under which uint8 images (N, H, W, 3) become other pixels.

    Raises:
        InputError: the folder's preprocessor makes other ones.
    """
    found = _preprocessed(name, folder, images)
    pixels = torch.tensor(images / 255, dtype=torch.float32).permute(0, 3, 1, 2)
    expected = fit_to_contract(pixels, contract).numpy()
    if found.shape != expected.shape:
        raise InputError(_otherwise(name, f"images of {found.shape[1:]}", contract))
    span = np.abs(contract.high - contract.low) / min(contract.std)
    if np.abs(found - expected).max() > _EIGHT_BITS * span:
        raise InputError(_otherwise(name, "other pixels", contract))


def _coloured_images() -> np.ndarray:
    """Smooth images uint8 (8, 48, 48, 3), each channel different, without black and white.

    Resampling overshoots there, which 8 bits cut off and a contract does not.
    """
    grey = fixed_images()
    channels = [grey, grey[:, ::-1], grey.swapaxes(1, 2)]
    images: np.ndarray = np.round(64 + 128 * np.concatenate(channels, axis=-1)).astype(np.uint8)
    return images


def _preprocessed(name: str, folder: Path, images: np.ndarray) -> np.ndarray:
    """What the folder's preprocessor makes of uint8 images (N, H, W, 3), float (N, C, h, w)."""
    from PIL import Image
    from transformers import AutoImageProcessor

    try:
        with _quiet():
            processor = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            answer = processor([Image.fromarray(image) for image in images], return_tensors="np")
        pixels: np.ndarray = np.asarray(answer["pixel_values"], np.float32)
    except Exception as error:  # every kind of preprocessor has its own errors
        raise InputError(
            f"{name}: expected a preprocessor of images in {PREPROCESSOR}, got "
            f"{words_of(error)}. Write size and scaling in {contract_path(name)} and remove it."
        ) from error
    return pixels


def _otherwise(name: str, what: str, contract: Contract) -> str:
    size = f"{contract.height}x{contract.width}x{contract.channels}"
    return (
        f"{name}: its preprocessor makes {what} of a face than the contract that Deadpan reads in "
        f"{PREPROCESSOR} ({size}, {contract.resampling}). Write size, resampling and scaling in "
        f"{contract_path(name)}."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and advice of transformers."""
    from transformers.utils import logging

    before: Any = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()
