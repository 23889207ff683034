"""`mean_of_nets`: the mean of several nets' log-probabilities, as one differentiable classifier.

Averaging is the cheapest way to a better accuracy; as one net it can be judged under attack too.
Its softmax is the geometric mean of the members' probabilities, normalised (Hinton 2002, "Training
products of experts by minimizing contrastive divergence").
"""

import hashlib
from collections.abc import Iterable, Sequence

import keras
from keras import layers

from datasets.base.errors import InputError
from fer_models.cards import Card
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier
from fer_models.recipe import MEAN_OF_NETS


class MeanOfNets(KerasClassifier):
    """Several nets on the same image, joined in one Keras model."""

    def map_sizes(self) -> dict[str, tuple[int, int]]:
        """None: each map belongs to one member and explains a part of the mean only."""
        return {}


def mean_of_nets(card: Card, members: Sequence[KerasClassifier]) -> MeanOfNets:
    """Join the members of a card.

    Args:
        card: of the mean.
        members: nets of one contract, in the order of the card.

    Raises:
        InputError: the members have other weights than those that the card was measured with.
    """
    found = weights_of_members(member.weights_sha256 for member in members)
    if found != card.weights_sha256:
        raise InputError(
            f"{card.id}: its card was measured with members of sha256 "
            f"{card.weights_sha256[:12]}..., found {found[:12]}... Put {found} into the card and "
            f"measure it again: python -m evaluation.cards --models {card.id} --write"
        )
    contract = _one_contract(members)
    images = keras.Input((contract.height, contract.width, contract.channels), name="images")
    log_probabilities = [
        layers.Activation("log_softmax", name=f"{member.model.name}_log_probabilities")(
            _on(images, member.model)
        )
        for member in members
    ]
    model = keras.Model(images, layers.Average(name="logits")(log_probabilities), name=MEAN_OF_NETS)
    return MeanOfNets(model, contract, card.id, found)


def _on(images: keras.KerasTensor, net: keras.Model) -> keras.KerasTensor:
    """Logits of a net built again on these images, layer by layer.

    A model inside a model would hide its layers from gradients in bfloat16.
    """

    def renamed(layer: layers.Layer) -> layers.Layer:
        return type(layer).from_config(layer.get_config() | {"name": f"{net.name}_{layer.name}"})

    built = keras.models.clone_model(net, input_tensors=images, clone_function=renamed)
    built.set_weights(net.get_weights())
    logits: keras.KerasTensor = built.outputs[0]
    return logits


def weights_of_members(hashes: Iterable[str]) -> str:
    """Identity of a mean: sha256 of its members' hashes, in any order."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def _one_contract(members: Sequence[KerasClassifier]) -> Contract:
    """The contract that all members share.

    Raises:
        ValueError: they differ in it.
    """
    contracts = {member.contract for member in members}
    if len(contracts) != 1:
        raise ValueError(f"`members` must share one contract. Received: {contracts}")
    return contracts.pop()
