"""The zoo: which classifiers exist, and loading one by its id or folder.

Listing needs no Keras; loading does.
"""

import os
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datasets.base.errors import InputError
from datasets.labels import SCHEMES
from fer_models.cards import CARDS, WEIGHTS, Card, read_card
from fer_models.foreign.names import SAVED_MODEL, WAYS, files_sha256, is_foreign, split_code
from fer_models.hub.hugging_face import CONFIG
from fer_models.recipe import MeanRecipe, Recipe
from fer_models.services.service_file import is_service

if TYPE_CHECKING:
    import keras
    import numpy as np

    from fer_models.classifier import Classifier
    from fer_models.foreign.contract_file import ContractFile
    from fer_models.keras_classifier import KerasClassifier

STARTER = ("vgg_small", "simple_cnn", "mini_xception")
"""Architectures of `--models starter`: small nets that a laptop attacks in minutes."""

_MOST_NAME, _MOST_PART = 4000, 250
"""Most characters of a model's name, and of a folder or file in it; systems take a few more."""


class Description(NamedTuple):
    """What is known of a model before it is loaded.

    Attributes:
        architecture: name of an architecture or a classical classifier, or `foreign`.
        label_set: that its classes belong to; `foreign` when they belong to none.
        weights_sha256: hash of the weights; for foreign models, of file and contract.
        card: None for foreign models.
        classes: names in the order of the logits.
    """

    architecture: str
    label_set: str
    weights_sha256: str
    card: Card | None
    classes: tuple[str, ...]


def model_ids() -> list[str]:
    """Ids of all shipped classifiers, in the order of the names."""
    return sorted(path.name.removesuffix(".json") for path in CARDS.glob("*.json"))


def shipped_id(weights_sha256: str) -> str:
    """Id of the shipped classifier with these weights; empty when none has them."""
    files = sorted(CARDS.glob("*.json"))
    return _ids_by_weights(tuple((file, file.stat().st_mtime_ns) for file in files)).get(
        weights_sha256, ""
    )


@cache
def _ids_by_weights(cards: tuple[tuple[Path, int], ...]) -> dict[str, str]:
    """Ids by hash of the weights, from card files and the times when they were last changed."""
    return {(card := read_card(file)).weights_sha256: card.id for file, _ in cards}


def resolve(models: str, option: str = "--models") -> list[str]:
    """Turn `--models` into ids, folders and foreign models.

    Args:
        models: `starter`, `all`, or a comma-separated list of ids (`simple_cnn.fer`), bare names
            (`simple_cnn`: every label set it was trained on), folders of a training, and models of
            others by path or `module:callable`. A defence may follow each:
            `simple_cnn.fer+jpeg75`, or several, applied from left to right.
        option: that named them, for errors.

    Raises:
        InputError: a name is unknown, or the list is empty.
    """
    known = model_ids()
    found: list[str] = []
    for name in listed_models(models):
        base, defences = split_defences(name)
        suffix = "".join(f"+{defence}" for defence in defences)
        found += [f"{model}{suffix}" for model in _resolve_one(base, known)]
    if not found:
        raise InputError(f"{option} must name at least one classifier; got {models!r}.")
    return list(dict.fromkeys(found))


def listed_models(models: str) -> list[str]:
    """The names of a comma-separated list; a path that exists may hold commas itself."""
    parts, names = models.split(","), list[str]()
    while parts:
        longest = (",".join(parts[:count]).strip() for count in range(len(parts), 1, -1))
        path = next(filter(_is_path, longest), parts[0])
        parts = parts[path.count(",") + 1 :]
        names.append(path.strip())
    return [name for name in names if name]


def _is_path(name: str) -> bool:
    """Whether a name is that of a file or folder, with defences that hold no commas after it."""
    path, defences = split_defences(name)
    whole = not any("," in defence for defence in defences)
    return whole and os.path.exists(path)  # `Path.exists` fails on long names


def _resolve_one(name: str, known: list[str]) -> list[str]:
    _check_length(name)
    if name == "all":
        return known
    if name == "starter":
        return [model_id for model_id in known if model_id.split(".")[0] in STARTER]
    if name in known or os.path.exists(Path(name) / "card.json") or is_foreign(name):
        return [name]
    both = [model_id for model_id in known if model_id.split(".")[0] == name]
    if not both:
        raise InputError(_unknown(name, known))
    return both


def _check_length(name: str) -> None:
    """Refuse a name that no file can have; most calls for files fail on it.

    Raises:
        InputError: it is too long.
    """
    longest = max(len(part.encode("utf-8", "replace")) for part in [*Path(name).parts, ""])
    if "://" not in name and (longest > _MOST_PART or len(name) > _MOST_NAME):
        raise InputError(
            f"a model's name must have at most {_MOST_NAME} characters, and {_MOST_PART} between "
            f"slashes; got {len(name)}, {name[:40]!r}... Separate several names by commas."
        )


def counterpart(model: str, known: list[str]) -> str:
    """The same architecture under the other label set; empty when it is unknown."""
    architecture, _, label_set = model.rpartition(".")
    other = {"fer": "ferplus", "ferplus": "fer"}.get(label_set, "")
    return found if (found := f"{architecture}.{other}") in known else ""


def split_defences(model: str) -> tuple[str, list[str]]:
    """`simple_cnn.fer+jpeg75+bits3` is `simple_cnn.fer` behind `jpeg75`, then `bits3`.

    A path that exists is never split, nor is one with defences after it.
    """
    base, defences = model, list[str]()
    while "+" in base and not (os.path.exists(base) or os.path.isfile(split_code(base)[1])):
        base, _, last = base.rpartition("+")
        defences.insert(0, last)
    return base, defences


def card_of(model: str) -> tuple[Card, Path]:
    """Card and weights file of an id or a training's folder; defences have no card of their own.

    A mean of nets has no file of its own.

    Raises:
        InputError: unknown, or the card is damaged.
    """
    model, _ = split_defences(model)
    folder = Path(model)
    if os.path.exists(folder / "card.json"):
        return read_card(folder / "card.json"), folder / "weights.npz"
    if model not in model_ids():
        raise InputError(_not_one(model, model_ids()))
    return read_card(CARDS / f"{model}.json"), WEIGHTS / f"{model}.npz"


def describe(model: str, contract: "ContractFile | None" = None) -> Description:
    """What is known of a model without loading it, defences ignored.

    Args:
        model: id, training's folder or path.
        contract: contract of a foreign model; its contract file when None.

    Raises:
        InputError: unknown or missing, or its card or contract is missing or damaged.
    """
    base, _ = split_defences(model)
    if is_foreign(base):
        from fer_models.foreign.class_order import match_scheme
        from fer_models.foreign.contract_file import contract_of, identity

        file = contract or contract_of(base)
        scheme, _ = match_scheme(file.classes)
        label_set = scheme.label_set or scheme.name
        sha256 = identity(files_sha256(base), file)
        return Description("foreign", label_set, sha256, None, scheme.classes)
    card, _ = card_of(base)
    classes = SCHEMES[card.label_set].classes
    return Description(card.architecture, card.label_set, card.weights_sha256, card, classes)


def load(
    model: str, contract: "ContractFile | None" = None, faces: "np.ndarray | None" = None
) -> "Classifier":
    """Load a classifier by id, training's folder or path, with the defences that follow it.

    Args:
        model: id, training's folder or path.
        contract: of a foreign model; its contract file when None.
        faces: uint8 (N, H, W, C) on which an ONNX model that is translated to PyTorch has to answer
            as before; the generated sample when None.

    Raises:
        InputError: unknown id or defence, damaged card or contract, or weights that are missing,
            damaged or have another hash than in the card.
    """
    base, names = split_defences(model)
    if names:
        from fer_models.defences.registry import defended, parse_defences

        defences = parse_defences(names)  # before the model is loaded
        return defended(load(base, contract, faces), defences)
    if is_service(model):
        from fer_models.services.classifier import load_service

        return load_service(model, contract)
    if is_foreign(model):
        from fer_models.foreign.classifier import load_foreign

        return load_foreign(model, contract, faces)
    card, weights = card_of(model)
    if isinstance(card.recipe, Recipe | MeanRecipe):
        from fer_models.keras_classifier import in_fresh_keras

        net = in_fresh_keras(lambda: _verified_net(card, weights))
        net.load_again_by(partial(_verified_model, card, weights))
        return net
    check_weights(card, weights)
    return load_unverified(card, weights)


def _verified_model(card: Card, weights: Path) -> "keras.Model":
    return _verified_net(card, weights).model


def _verified_net(card: Card, weights: Path) -> "KerasClassifier":
    if isinstance(card.recipe, MeanRecipe):
        return _load_mean(card, card.recipe)
    check_weights(card, weights)
    return load_net(card, weights)


def check_weights(card: Card, weights: Path) -> None:
    """Refuse weights that are not those of a card.

    Raises:
        InputError: the file is missing, or has another hash than in the card.
    """
    from datasets.base.hashes import file_sha256

    if not weights.exists():
        raise InputError(f"{weights}: expected the weights of {card.id}, found no such file.")
    found = file_sha256(weights)
    if found != card.weights_sha256:
        raise InputError(
            f"{weights}: expected sha256 {card.weights_sha256[:12]}..., found {found[:12]}... "
            "The weights are not those the card describes: restore the file."
        )


def load_unverified(card: Card, weights: Path) -> "Classifier":
    """Build a card's model and fill it, without checking the hash (training writes it last)."""
    if isinstance(card.recipe, Recipe):
        return load_net(card, weights)
    from fer_models.classical.classifier import load_classical

    return load_classical(card, weights)


def load_net(card: Card, weights: Path) -> "KerasClassifier":
    """Build the neural net of a card and fill it."""
    import keras

    from fer_models.architectures.registry import architecture
    from fer_models.contract import Contract
    from fer_models.keras_classifier import wrap
    from fer_models.weights import load_weights

    scheme = SCHEMES[card.label_set]
    height, width, channels = card.input_shape
    build, _ = architecture(card.architecture)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = build(card.input_shape, scheme.num_classes)
    finally:
        keras.config.set_dtype_policy(policy)
    load_weights(model, weights)
    _release_constraints(model)
    contract = Contract(height, width, channels, scheme)
    return wrap(model, contract, model_id=card.id, weights_sha256=card.weights_sha256)


def _release_constraints(model: "keras.Model") -> None:
    """Forget what training demands of weights, so that an exported net needs none of our code."""
    for layer in model.layers:
        for name in vars(layer):
            if name.endswith("_constraint"):
                setattr(layer, name, None)


def _load_mean(card: Card, recipe: MeanRecipe) -> "KerasClassifier":
    from fer_models.keras_classifier import KerasClassifier
    from fer_models.mean_of_nets import mean_of_nets

    members = [load(member) for member in recipe.members]
    return mean_of_nets(card, [net for net in members if isinstance(net, KerasClassifier)])


def _not_one(name: str, known: list[str]) -> str:
    """Why a name is not the one model that is asked for."""
    meant = [model_id for model_id in known if model_id.split(".")[0] == name]
    if meant:
        fault = f"means {len(meant)}" if len(meant) > 1 else "lacks its label set"
        return f"one model is asked for; {name!r} {fault}: name {' or '.join(meant)}."
    return _must_be("", known, name)


def _unknown(name: str, known: list[str]) -> str:
    names = sorted({*known, *(model_id.split(".")[0] for model_id in known)})
    if os.path.isdir(name):
        return (
            f"{name}: expected the folder of a model; it lacks {SAVED_MODEL} (SavedModel), "
            f"{CONFIG} (Hugging Face) and card.json (a training). Name another folder, or a file."
        )
    return _must_be("starter, all, ", names, name)


def _must_be(words: str, names: list[str], name: str) -> str:
    close = get_close_matches(name, names, 3)
    hint = f"Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"a model must be {words}an id of `python -m fer_models.list`, a training's folder, or "
        f"{WAYS}; got {name!r}. {hint}"
    ).rstrip()
