"""Pickles are never opened: whoever wrote one decides what code runs when it is read."""

from pathlib import Path

from datasets.base.errors import InputError
from fer_models.foreign.raw_model import RawModel


def refuse_pickle(path: Path, sha256: str = "", holding: str = "") -> RawModel:
    """Refuse a pickle.

    Args:
        path: of the file.
        sha256: its hash, as for the functions that open a file.
        holding: what was found inside.

    Raises:
        InputError: always.
    """
    inside = f" ({holding})" if holding else ""
    raise InputError(
        f"{path}: must not be a pickle of Python objects{inside}, which "
        "runs code when it is read. Save net.state_dict() and name the code that builds the net, "
        "module:factory@weights, or save it by torch.export.save or as TorchScript. For other "
        "models, such as those of scikit-learn, name a function of images that asks them, "
        "module:callable."
    )
