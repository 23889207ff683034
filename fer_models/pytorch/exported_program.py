"""Open a `.pt2` file of `torch.export`.

PyTorch itself would unpickle parts of such a file where it holds pickles; here none is read.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from zipfile import ZipFile

import torch
from torch.export import ExportedProgram

from datasets.base.errors import InputError
from fer_models.classifier import BATCH_SIZE
from fer_models.foreign.input_layout import require_one
from fer_models.foreign.raw_model import RawModel
from fer_models.pytorch.net import torch_net
from fer_models.pytorch.training_steps import refuse_trained_export

_DYNAMIC = 'torch.export.export(net, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))'
_CODE = ("opaque_obj", "custom_obj", "data/aotinductor/")
"""Parts of names inside the file: Python objects, and machine code."""


def open_exported(path: Path, sha256: str) -> RawModel:
    """Open an exported net of one input (N, c, h, w).

    Raises:
        InputError: objects or machine code inside, a fixed number of images, whole numbers or
            channels last, or a graph in training mode.
        ValueError: another input, or a damaged file.
    """
    with ZipFile(path) as archive:
        if any(part in name for name in archive.namelist() for part in _CODE):
            raise _refusal(path)
    try:
        with _no_pickles(), open(path, "rb") as file:  # of any ending
            program = torch.export.load(file)
    except UnpicklingError as error:
        raise _refusal(path) from error
    refuse_trained_export(program, path)
    return torch_net(str(path), program.module(), sha256, _shape(program, path))


def _refusal(path: Path) -> InputError:
    return InputError(
        f"{path}: must be a graph and tensors; it holds Python objects or machine code, "
        "which are never loaded. Save it by torch.export.save."
    )


@contextmanager
def _no_pickles() -> Iterator[None]:
    """`torch.load` reads nothing but tensors while this lasts, whatever it is asked for."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _shape(program: ExportedProgram, path: Path) -> tuple[int, int, int] | None:
    """(h, w, c) of the input; None where the file leaves it open."""
    names = program.graph_signature.user_inputs
    require_one(len(names))
    values = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
    images = values[str(names[0])]
    sizes = tuple(images.shape)
    if len(sizes) != 4:
        raise ValueError(f"its input has {len(sizes)} dimensions, not images (N, c, h, w)")
    _require_images(images, path)
    count, *sides = sizes
    if isinstance(count, int):
        raise InputError(
            f"{path}: must take any number of images; it takes exactly {count}. Export it by "
            f"{_DYNAMIC}."
        )
    limits = program.range_constraints.get(count.node.expr)
    if limits is not None and limits.upper < BATCH_SIZE:
        raise InputError(
            f"{path}: must take up to {BATCH_SIZE} images; it takes {limits.upper} at most. Export "
            f"it by {_DYNAMIC}."
        )
    if not all(isinstance(side, int) for side in sides):
        return None
    channels, height, width = sides
    return height, width, channels


def _require_images(images: torch.Tensor, path: Path) -> None:
    """Refuse an input of four axes that does not hold floats, or holds channels last."""
    if not images.is_floating_point():
        held = str(images.dtype).removeprefix("torch.")
        raise InputError(
            f"{path}: must take floating-point images; its input holds {held}. Export it with "
            'float32 images, and write "high": 255 into its contract where its pixels go from 0 to '
            "255."
        )
    _, channels, _, last = images.shape
    if isinstance(channels, int) and channels not in (1, 3) and last in (1, 3):
        axes = ", ".join(map(str, images.shape[1:]))
        raise InputError(
            f"{path}: must take (N, c, h, w); it takes (N, {axes}), channels last. Export a net "
            "around it that calls it with images.permute(0, 2, 3, 1)."
        )
