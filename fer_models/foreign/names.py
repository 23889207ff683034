"""Which names on a command line mean a foreign model, its hash, and where its contract lies.

Needs no Keras.
"""

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from datasets.base.special_files import refuse_special_file
from fer_models.given_objects import given_sha256, is_given
from fer_models.hub.hugging_face import HUB, READ, folder_of, is_hugging_face
from fer_models.services.service_file import is_service, read_service, service_name, service_path

if TYPE_CHECKING:
    from google.protobuf.message import Message

FILES = (".keras", ".h5", ".hdf5", ".tflite", ".onnx")
TORCH_FILES = (".pt2", ".pt", ".pth", ".ts", ".safetensors", ".ckpt", ".bin")
PICKLES = (".pkl", ".pickle", ".joblib")
"""Endings of files; pickles are never opened, the error says what to do."""
SAVED_MODEL = "saved_model.pb"
"""In every SavedModel folder."""
_PARTS = ("variables", "assets", "assets.extra")
"""Folders of a SavedModel."""
WAYS = (
    f"a {', '.join([*FILES, *TORCH_FILES[:-1]])} or {TORCH_FILES[-1]} file, a SavedModel or "
    "Hugging Face folder, hf:owner/name, code as module:name, or a service's NAME.http.toml"
)
"""Ways to give a model by path or name."""


def is_foreign(name: str) -> bool:
    """Whether a name on the command line means a foreign model."""
    path = Path(name)
    return (
        path.suffix.lower() in (*FILES, *TORCH_FILES, *PICKLES)
        or os.path.exists(path / SAVED_MODEL)  # `Path.exists` fails on long names
        or is_code(name)
        or is_service(name)
        or is_given(name)
        or is_hugging_face(name)
    )


def is_code(name: str) -> bool:
    """Whether a name has the form `module:callable` or `module:factory@weights`."""
    if name.startswith(HUB) or is_given(name):
        return False
    code, _ = split_code(name)
    plain = code.replace(":", "", 1).replace(".", "")
    return code.count(":") == 1 and plain.isidentifier()


def split_code(name: str) -> tuple[str, str]:
    """`module:factory@weights` is `module:factory` and `weights`, empty where none are named."""
    code, _, weights = name.partition("@")
    return code, weights


def short_name(name: str) -> str:
    """Name in results: a file's stem, a folder, a callable, an object, or a service."""
    if is_service(name):
        return service_name(name)
    if is_given(name):
        return name.partition(":")[2]
    if name.startswith(HUB):
        return name.rpartition("/")[2]
    code, weights = split_code(name)
    if is_code(name) and not weights:
        return code
    path = _with_name(Path(weights if is_code(name) else name))
    return path.name if path.is_dir() else path.stem


def find_contract(model: str) -> Path | None:
    """Path of the contract file next to a model, if there is one.

    Raises:
        InputError: there are several.
    """
    path = _beside(model)
    names = dict.fromkeys((path.name, Path(model).name))  # the latter as it was once written
    files = [
        path.with_name(f"{name}.contract{end}") for name in names for end in (".json", ".toml")
    ]
    found = [file for file in files if file.exists()]
    if len(found) > 1:
        raise InputError(
            f"{model}: expected one contract beside it; found {' and '.join(map(str, found))}. "
            "Keep one of them."
        )
    return found[0] if found else None


def contract_path(model: str) -> Path:
    """Where the contract of a model is written."""
    path = _beside(model)
    return path.with_name(f"{path.name}.contract.json")


def _beside(model: str) -> Path:
    """The file that a contract lies beside: that of the weights, `module.callable` for code alone.

    Windows allows no colon in a file's name.
    """
    if is_service(model):
        return service_path(model)
    if not is_code(model):
        return _with_name(Path(model))
    code, weights = split_code(model)
    return Path(weights or code.replace(":", "."))


def _with_name(path: Path) -> Path:
    """The same path, by its name where it means the working folder or one above it."""
    return path.resolve() if path.name in ("", "..") else path


def files_sha256(name: str) -> str:
    """Hex sha256 of a model's file, of all files of its folder (`files_in`), or of its code.

    Of an ONNX file: of the files that hold its weights, too, if there are any. Of code: of the
    module's file and the name within it, and of the weights if there are any. Of a service: of its
    URL and how it is asked. Of an object that Python gives: of its weights.

    Raises:
        InputError: there is no such file or module, or it is a pipe, or the package that names the
            files of an ONNX model's weights is not installed.
    """
    if is_service(name):
        return read_service(name).sha256
    if is_given(name):
        return given_sha256(name)
    if is_code(name):
        code, weights = split_code(name)
        parts = [code, file_sha256(_module_file(code))]
        if weights:
            parts.append(files_sha256(weights))
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()
    path = folder_of(name) if is_hugging_face(name) else Path(name)
    if not path.exists():
        raise InputError(f"{path}: expected a model, found no such file. Correct the path.")
    refuse_special_file(path, "a model")
    if path.is_file():
        others = external_weights(path)
        parts = [f"{name} {file_sha256(path.parent / name)}" for name in others]
        own = file_sha256(path)
        return hashlib.sha256("\n".join([own, *parts]).encode()).hexdigest() if parts else own
    files = files_in(path)
    parts = [f"{file.relative_to(path).as_posix()} {file_sha256(file)}" for file in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def files_in(folder: Path) -> list[Path]:
    """Files that a model's folder consists of, sorted.

    Not those that change though the model does not: what Hugging Face does not read, and below
    other folders than a SavedModel's what git, clients, trainers and runs write.
    """
    if is_hugging_face(str(folder)):
        found = [path for pattern in READ for path in folder.glob(pattern)]
    else:
        below = [path for part in _PARTS for path in (folder / part).rglob("*")]
        found = [*folder.glob("*"), *below]
    return sorted(path for path in found if path.is_file())


def external_weights(path: Path) -> list[str]:
    """Names of the files beside an ONNX file that hold its weights, as PyTorch's exporter writes.

    None for other files and a damaged one, and none that is missing: opening the model refuses it.

    Raises:
        InputError: `onnx` is not installed, and the file may name others.
    """
    if path.suffix.lower() != ".onnx":
        return []
    content = path.read_bytes()
    if b"location" not in content:  # the key of each external tensor
        return []
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise InputError(
            f"{path}: needs a package that is not installed ({error.name}): "
            "pip install -e '.[onnx]'."
        ) from error
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError:
        return []
    names = sorted(set(_locations(model)))
    return [name for name in names if os.path.isfile(path.parent / name)]


def _locations(message: "Message") -> "Iterator[str]":
    """Where the external tensors of a part of an ONNX model lie, subgraphs included."""
    from google.protobuf.message import Message
    from onnx import TensorProto

    if isinstance(message, TensorProto):
        yield from (entry.value for entry in message.external_data if entry.key == "location")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _locations(part)


def _module_file(name: str) -> Path:
    try:
        spec = find_spec(name.partition(":")[0])
    except (ImportError, ValueError):  # no such package, or the command itself
        spec = None
    except (Exception, SystemExit) as error:  # whatever the package around it does on import
        raise InputError(import_fails(name, error)) from error
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(
            f"{name}: expected module:callable, found no such module. Start the command in the "
            "folder of its file, or correct the name."
        )
    return Path(spec.origin)


def import_fails(name: str, error: BaseException) -> str:
    """The error of a module, `module:callable`, that fails on import."""
    detail = " ".join(str(error).split())
    step = (
        "Put what the file runs when it is started under `if __name__ == '__main__':`"
        if isinstance(error, SystemExit)
        else "Correct it, or install what it needs"
    )
    return (
        f"{name}: expected module:callable; importing {name.partition(':')[0]} raises "
        f"{type(error).__name__}: {detail.rstrip('.')}. {step}."
    )
