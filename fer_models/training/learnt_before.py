"""Which of the nets that a training starts from, or learns from, may know its held-out faces.

An accuracy on faces that the start or the teacher has learnt is too high, and an epoch chosen by it
is no honest choice. A net knows none of them if it was trained on the very same rows to learn from.
"""

from pathlib import Path

from datasets.base.errors import InputError
from fer_models.training.settings import TrainingRun
from fer_models.zoo import describe, listed_models

_KNOWN = ", which these may have learnt: "


def may_know_held_out(training: TrainingRun) -> list[str]:
    """Names of its start and teachers that may have learnt the held-out faces, each once.

    Foreign models, and those that are missing by now, may have. A backbone from photographs has
    not.
    """
    start = "" if training.start_from.endswith(".keras") else training.start_from
    names = [name for name in (start, *listed_models(training.teacher)) if name]
    found = [Path(name).name for name in names if _may_know(name, training.data_sha256)]
    return list(dict.fromkeys(found))


def _may_know(name: str, data_sha256: str) -> bool:
    try:
        card = describe(name).card
    except InputError:
        return True
    return card is None or card.data_sha256 != data_sha256 or _KNOWN in card.selected_on


def with_known(selected_on: str, names: list[str]) -> str:
    """What a card says was chosen on which faces, with the nets that may know these faces."""
    return f"{selected_on}{_KNOWN}{', '.join(names)}" if names else selected_on


def line_of_known(names: list[str]) -> str:
    """What the user is told, without the id of the training."""
    return (
        f"{', '.join(names)} may have learnt the held-out faces, so accuracy on them will be too "
        "high: compare it with that of trainings from the same nets only. A net that was trained "
        "on the same faces without --final has not learnt them."
    )
