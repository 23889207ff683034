"""Open a `.keras`, `.h5` or `.hdf5` file, its ending in small or capital letters."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile, is_zipfile

import keras

from datasets.base.errors import InputError
from fer_models.foreign.keras_net import keras_net
from fer_models.foreign.raw_model import RawModel

_HDF5 = b"\x89HDF"
"""How files of HDF5 begin."""


def open_keras(path: Path, sha256: str) -> RawModel:
    """Open a Keras model of one input.

    Raises:
        InputError: weights alone.
        ValueError: not a zip of a model as `.keras` files are, or more inputs.
    """
    ending = path.suffix.lower()
    if ending == ".keras" and not is_zipfile(path):  # Keras says: File not found
        raise ValueError("it is not a zip archive, as .keras files are, or it is cut short")
    if ending == ".keras":
        with ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise ValueError("it is a zip archive without a Keras model")
    else:
        _refuse_weights(path)
    if path.suffix == ending:
        return keras_net(str(path), keras.models.load_model(path, compile=False), sha256)
    with TemporaryDirectory() as folder:  # Keras knows endings in small letters only
        copy = shutil.copy(path, Path(folder) / f"{path.stem}{ending}")
        return keras_net(str(path), keras.models.load_model(copy, compile=False), sha256)


def _refuse_weights(path: Path) -> None:
    """Refuse a file of HDF5 without the attribute that says what layers a model has."""
    content = path.read_bytes()
    if content.startswith(_HDF5) and b"model_config" not in content:
        raise InputError(
            f"{path}: must be a whole net; it holds weights alone. Name the code that builds their "
            f"net, module:factory@{path}."
        )
