"""What a synthetic run should look like, and the classes of its models."""

from dataclasses import dataclass

from datasets.labels import SCHEMES

FOUR = ("simple_cnn.fer", "mini_xception.fer", "simple_cnn.ferplus", "mini_xception.ferplus")
GRID = (1 / 255, 2 / 255, 4 / 255)
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "contrast", "pixelate", "jpeg")
PARTS = ("eyes", "brows", "nose", "mouth", "rest")
TEN = ("happy", "sad", *(f"look_{number}" for number in range(2, 10)))


@dataclass(frozen=True)
class Wishes:
    """What the run should look like."""

    models: tuple[str, ...] = FOUR
    label_sets: tuple[str, ...] = ("fer", "ferplus")
    corruptions: tuple[str, ...] = CORRUPTIONS
    examples: int = 12
    count: int = 400
    generated: bool = False
    broken_model: str = ""
    flagged: bool = True
    size: int = 48
    certified: bool = True
    regional: bool = False
    norm: str = "linf"


def classes_of(model: str) -> tuple[str, ...]:
    """Classes of a model by its id; a foreign one has ten."""
    scheme = SCHEMES.get(model.rpartition(".")[2])
    return scheme.classes if scheme else TEN


USUAL = Wishes()
"""The run that most tests need."""
