"""Keep TensorFlow's start-up chatter off the terminal; commands call `quiet_backend` once.

Nothing is imported here: a model that needs Keras imports it, and a run without one never does.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from datasets.base.errors import InputError
from datasets.base.held_back import held_back

_CHATTERERS = ("keras", "tensorflow")
_OTHER_BACKENDS = ("jax", "torch", "openvino")
"""Packages that Keras computes with where it is told to."""


def quiet_backend() -> None:
    """Hold back what Keras and TensorFlow print when they are first imported, whoever does it.

    TensorFlow writes notices to the process's standard error before its own log level counts; they
    are shown only when the import fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


def require_tensorflow() -> None:
    """Refuse another backend of Keras.

    Raises:
        InputError: the one that this process has is not TensorFlow.
    """
    import keras

    if (found := keras.backend.backend()) != "tensorflow":
        raise _another_backend(found)


def _another_backend(found: str, what: str = "") -> InputError:
    return InputError(
        "the backend of Keras must be tensorflow, with which its nets are attacked; KERAS_BACKEND "
        f"or ~/.keras/keras.json says {found}{what}. Set KERAS_BACKEND=tensorflow."
    )


class _QuietFinder(MetaPathFinder):
    """Finds the packages that chatter where all others find them, and quiets their loader."""

    def __init__(self) -> None:
        self._looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The package's own specification, with a quiet loader; None for all others."""
        if name not in _CHATTERERS or self._looking:
            return None
        self._looking = True
        try:
            spec = find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(Loader):
    """Loads as another loader does, with standard error held back."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the loader itself does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the loader itself does, quietly."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        try:
            with held_back():
                self._loader.exec_module(module)
        except ModuleNotFoundError as error:
            if error.name not in _OTHER_BACKENDS:
                raise
            raise _another_backend(error.name, ", which is not installed") from error
