"""How a classifier is trained, as data: it is saved in the card of every model."""

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from datasets.base.errors import InputError


class Schedule(StrEnum):
    """How the learning rate falls."""

    COSINE = "cosine"
    PLATEAU = "plateau"


class Precision(StrEnum):
    """Number format of the training arithmetic; weights are always float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "mixed_bfloat16"


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of one training.

    Attributes:
        epochs: largest number of passes over the training rows.
        batch_size: images per step.
        learning_rate: peak rate of AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
        schedule: `cosine` falls to 2 % over `epochs` after one epoch of warm-up; `plateau`
            multiplies by 0.3 after `plateau_patience` epochs without better held-out accuracy.
        plateau_patience: epochs.
        early_stopping: epochs without better held-out accuracy before the training ends.
        weight_decay: decoupled L2 of AdamW, kernels only.
        label_smoothing: mass spread over all classes (Szegedy et al. 2016, arXiv 1512.00567).
        class_weights: weigh each class by N / (K * count), so rare classes count more.
        flip: mirror half of the images.
        shift: largest shift, pixels of a 48-pixel face.
        rotation: largest rotation, degrees.
        zoom: largest relative change of size.
        contrast: largest relative change of contrast.
        erase: share of images in which a random rectangle is replaced by its mean grey
            (Zhong et al. 2020, arXiv 1708.04896).
        mixup: parameter of the beta distribution of the shares in which two views and their targets
            are blended (Zhang et al. 2018, arXiv 1710.09412); 0: none. With `cutmix` too, each
            batch gets one of the two.
        cutmix: the same for the area of the rectangle of another view that is pasted into each
            (Yun et al. 2019, arXiv 1905.04899); 0: none.
        other_labels: weight of a second head that learns the other label set in the same training
            (0: none); it is dropped afterwards. FER labels are noisy, and votes tell more.
        calm_epochs: last epochs in which faces are only flipped and shifted by one pixel, and not
            mixed.
        averaging: share of the running average of the weights that each step keeps (0: no average).
            It is what is judged and kept, and what helps adversarial training most (Gowal et al.
            2020, arXiv 2010.03593).
        teacher_share: share of the targets that are a teacher's probabilities (0: no teacher).
        augmix: mix chains of operations into every view (Hendrycks et al. 2020, arXiv 1912.02781),
            which makes nets stand corruptions; a teacher still sees the view before.
        brightness: largest relative change of brightness, after a teacher has seen the view.
        noise: largest standard deviation, in [0, 1] of black to white, of the normal noise that is
            added to half of the views after a teacher has seen them, as AugMix leaves noise to be
            met unprepared (Rusak et al. 2020, arXiv 2001.06057).
    """

    epochs: int
    batch_size: int = 96
    learning_rate: float = 1e-3
    schedule: Schedule = Schedule.COSINE
    plateau_patience: int = 4
    early_stopping: int = 12
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1
    class_weights: bool = False
    flip: bool = True
    shift: float = 3.0
    rotation: float = 5.0
    zoom: float = 0.05
    contrast: float = 0.1
    erase: float = 0.0
    other_labels: float = 0.0
    calm_epochs: int = 10
    averaging: float = 0.0
    teacher_share: float = 0.0
    augmix: bool = False
    brightness: float = 0.0
    noise: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"`{name}` must be a finite number; got {value}.")

    def at_epoch(self, epoch: int) -> "Recipe":
        """The recipe with the augmentation of this epoch (counted from 0)."""
        if epoch < self.epochs - self.calm_epochs:
            return self
        calm = replace(self, shift=1.0, rotation=0.0, zoom=0.0, contrast=0.0, erase=0.0)
        return replace(calm, mixup=0.0, cutmix=0.0)


MEAN_OF_NETS = "mean_of_nets"
"""The id before its label set; no architecture, as it has no weights of its own."""


@dataclass(frozen=True)
class MeanRecipe:
    """The mean of nets that are trained already.

    Attributes:
        members: ids of shipped neural nets of one label set, two or more.
    """

    members: tuple[str, ...]
