"""Models that Python gives as objects: nets of Keras and PyTorch, and classifiers.

While `named` lasts each has a name of the form `object:NAME`, which means it as a path means a
file. Needs no Keras.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from datasets.base.errors import InputError
from fer_models.contract import Contract

if TYPE_CHECKING:
    from fer_models.classifier import Classifier

_PREFIX = "object:"


class Given(NamedTuple):
    """A model, and the fields of its contract file, as far as they are known."""

    model: Any
    contract: Mapping[str, Any]


_GIVEN: dict[str, Given] = {}


@contextmanager
def named(
    models: Sequence[Any], contract: Contract | Mapping[str, Any] | None = None
) -> Iterator[list[str]]:
    """Give every model a name while this lasts; ids and paths are their own.

    Nets are used as they are, not copied; those of PyTorch get back their modes and buffers.

    Args:
        models: ids, paths, nets of Keras or PyTorch, and classifiers.
        contract: of the nets: a `Contract`, or fields as in a contract file; the probe finds what
            is missing.
    """
    fields = _fields(contract)
    names = []
    for model in models:
        if isinstance(model, str | Path):
            names.append(str(model))
            continue
        known = _of_classifier(model) if is_classifier(model) else fields
        names.append(_free_name(model))
        _GIVEN[names[-1]] = Given(model, known)
    try:
        with ExitStack() as stack:
            for name in filter(is_given, names):
                stack.enter_context(_left_as_given(_GIVEN[name].model))
            yield names
    finally:
        for name in names:
            _GIVEN.pop(name, None)


def _left_as_given(model: Any) -> AbstractContextManager[None]:
    torch = sys.modules.get("torch")  # whoever made a net of PyTorch has imported it
    if torch is None or not isinstance(model, torch.nn.Module):
        return nullcontext()
    from fer_models.pytorch.eval_mode import left_as_given

    return left_as_given(model)


def is_given(name: str) -> bool:
    """Whether a name means an object."""
    return name.startswith(_PREFIX)


def given_model(name: str) -> Given:
    """The object that a name means, and what is known of its contract.

    Raises:
        InputError: it is not there any more.
    """
    if name not in _GIVEN:
        raise InputError(f"{name}: must be given from Python, evaluate(net): no file holds it.")
    return _GIVEN[name]


def given_sha256(name: str) -> str:
    """Hex sha256 of an object's weights and layers.

    Raises:
        InputError: it is not there any more, or it is not a net.
    """
    model = given_model(name).model
    if is_classifier(model):
        return model.weights_sha256
    from fer_models.foreign.framework_net import net_sha256

    return net_sha256(name, model)


def is_classifier(model: object) -> bool:
    """Whether an object is a classifier, which has a contract."""
    from fer_models.classifier import Classifier

    return isinstance(model, Classifier)


def _of_classifier(model: "Classifier") -> dict[str, Any]:
    """A contract that says what every classifier takes."""
    side = model.face_side
    return {"classes": model.scheme.classes, "height": side, "width": side, "channels": 1, "low": 0}


def _fields(contract: Contract | Mapping[str, Any] | None) -> dict[str, Any]:
    if not isinstance(contract, Contract):
        return dict(contract or {})
    fields = asdict(contract)
    del fields["scheme"]
    fields["crop_from"] = fields.pop("resized")
    return {**fields, "classes": contract.scheme.classes}


def _free_name(model: Any) -> str:
    own = model.id if is_classifier(model) else getattr(model, "name", None)
    word = re.sub(r"\W", "_", own if isinstance(own, str) else type(model).__name__)
    name, number = f"{_PREFIX}{word}", 1
    while name in _GIVEN:
        number += 1
        name = f"{_PREFIX}{word}_{number}"
    return name
