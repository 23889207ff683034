"""Open a foreign model by its name: `.keras .h5 .hdf5`, SavedModel, `.tflite .onnx`, code, URL.

One file per format holds how it is opened; calling an opened model is in
`fer_models/foreign/raw_model.py`.
"""

from collections.abc import Callable
from pathlib import Path

from datasets.base.errors import InputError, words_of
from fer_models.foreign.framework_net import open_net
from fer_models.foreign.names import PICKLES, SAVED_MODEL, TORCH_FILES, files_sha256, is_code
from fer_models.foreign.onnx_file import open_onnx
from fer_models.foreign.python_code import open_code
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.tflite_file import open_tflite
from fer_models.given_objects import given_model, is_given
from fer_models.hub.hugging_face import is_hugging_face
from fer_models.pytorch.pickles import refuse_pickle
from fer_models.services.raw_service import raw_service
from fer_models.services.service import open_service
from fer_models.services.service_file import is_service


def _open_keras_file(path: Path, sha256: str) -> RawModel:
    from fer_models.foreign.keras_file import open_keras

    return open_keras(path, sha256)


def _open_saved_model(path: Path, sha256: str) -> RawModel:
    from fer_models.foreign.saved_model import open_saved_model

    return open_saved_model(path, sha256)


def _open_torch_file(path: Path, sha256: str) -> RawModel:
    from fer_models.pytorch.torch_file import open_torch_file

    return open_torch_file(path, sha256)


OPENERS: dict[str, Callable[[Path, str], RawModel]] = {
    ".keras": _open_keras_file,
    ".h5": _open_keras_file,
    ".hdf5": _open_keras_file,
    ".tflite": open_tflite,
    ".onnx": open_onnx,
    **dict.fromkeys(TORCH_FILES, _open_torch_file),
    **dict.fromkeys(PICKLES, refuse_pickle),
}
"""What opens a file (path, sha256), by the ending of its name; folders are SavedModels.

A framework is imported when a file needs it."""
_EXTRAS = {"torch": "torch", "safetensors": "torch"}
"""The extra that installs a package, where it is not `onnx`."""


def open_model(name: str) -> RawModel:
    """Open a model.

    Args:
        name: path, `module:callable`, or URL of a service.

    Raises:
        InputError: no such file, not a model, or a runtime is missing.
    """
    if is_service(name):
        return raw_service(open_service(name))
    sha256 = files_sha256(name)
    path = Path(name)
    try:
        if is_given(name):
            return open_net(name, given_model(name).model, sha256)
        if is_code(name):
            return open_code(name, sha256)
        if is_hugging_face(name):
            from fer_models.pytorch.hugging_face import open_hugging_face

            return open_hugging_face(name, sha256)
        if (path / SAVED_MODEL).exists() or path.suffix.lower() not in OPENERS:
            return _open_saved_model(path, sha256)
        if path.is_dir():
            raise ValueError(f"it is a folder; {path.suffix} models are files")
        return OPENERS[path.suffix.lower()](path, sha256)
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"{name}: needs a package that is not installed ({error.name}): "
            f"pip install -e '.[{_EXTRAS.get(error.name or '', 'onnx')}]'."
        ) from error
    except (Exception, SystemExit) as error:  # every runtime has its own kinds
        raise InputError(
            f"{name}: cannot be opened: {words_of(error)}. Export it again, or name code that "
            "calls it: module:callable."
        ) from error
