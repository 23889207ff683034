"""Options of `python -m live.video` and of other commands that read clips."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from datasets.base.errors import InputError
from fer_models.photo_options import DETECTOR, MIN_SIZE, MODEL

if TYPE_CHECKING:
    from live.settings import Settings

DEFAULT_MODEL = "simple_cnn.fer"


@dataclass(frozen=True, kw_only=True)
class ReadingRequest:
    """Which classifier reads the faces of clips, under which attack, and where rows are written."""

    clips: Annotated[
        list[Path], Argument(metavar="CLIP|FOLDER...", help="Video files, or folders of them.")
    ]
    out: Annotated[Path, Option(help="Folder for the results: one folder per clip.")]
    model: Annotated[str, MODEL] = DEFAULT_MODEL
    beside: Annotated[
        str, Option(metavar="ID", help="Second classifier, which sees the same faces.")
    ] = ""
    attack: Annotated[
        str, Option(help="Attack on --model, such as fgsm, or a corruption. Default: none.")
    ] = ""
    eps: Annotated[str, Option(help="Linf radius of the attack, such as 4/255.")] = "4/255"
    steps: Annotated[
        int, Option(min=1, max=100, help="Steps of an iterative attack, queries of square.")
    ] = 10
    severity: Annotated[int, Option(min=1, max=5, help="Severity of a corruption.")] = 3
    target: Annotated[str, Option(help="Class the attack must reach. Default: any other.")] = ""
    detector: Annotated[str, DETECTOR] = "blazeface"
    min_size: Annotated[int, MIN_SIZE] = 40
    people: Annotated[
        Path | None,
        Option(metavar="DIR", help="Name faces: a folder per person with photographs."),
    ] = None
    resume: Annotated[bool, Option("--resume", help="Continue the reading in --out.")] = False

    @property
    def settings(self) -> "Settings":
        """Classifiers and attack, checked.

        Raises:
            InputError: an unknown attack, or a value out of range.
        """
        from attacks.registry import CORRUPTIONS
        from attacks.threat_model import parse_eps
        from live.attack_columns import WITHOUT_TARGET
        from live.settings import ATTACKS, MOST_EPS, parse_settings

        if not self.model:
            raise InputError(
                "--model must be a model; got ''. python -m fer_models.list lists them."
            )
        radius = parse_eps(self.eps)
        eps = 255 * radius
        if eps > MOST_EPS:
            in_255ths = 1 <= radius <= MOST_EPS and "/" not in self.eps
            step = f"Did you mean {radius:g}/255?" if in_255ths else "Choose one such as 4/255."
            raise InputError(f"--eps must be at most {MOST_EPS}/255; got {self.eps}. {step}")
        if self.target and self.attack in ("", *CORRUPTIONS, *WITHOUT_TARGET):
            aimed = ", ".join(name for name in ATTACKS if name not in WITHOUT_TARGET)
            raise InputError(
                f"--target needs an --attack that can be aimed at a class: {aimed}; got "
                f"{self.attack or 'none'}. Choose one of these, or leave --target out."
            )
        settings = parse_settings(
            {
                "model": self.model,
                "second": self.beside,
                "attack": self.attack,
                "eps": eps,
                "steps": self.steps,
                "severity": self.severity,
                "target": self.target,
                "detector": self.detector,
            }
        )
        self._check_used(settings)
        return settings

    def _check_used(self, settings: "Settings") -> None:
        """Refuse what the attack, or its absence, leaves without effect."""
        from attacks.registry import CORRUPTIONS
        from live.settings import ATTACKS, PRINTED, Settings

        attack = settings.attack
        kinds = {
            "eps": (attack in ATTACKS and attack not in PRINTED, "an --attack with a radius"),
            "steps": (bool(ATTACKS.get(attack)), "an --attack with steps or queries"),
            "severity": (attack in CORRUPTIONS, "an --attack that is a corruption"),
        }
        usual = Settings()
        for name, (used, kind) in kinds.items():
            if not used and not math.isclose(getattr(settings, name), getattr(usual, name)):
                raise InputError(
                    f"--{name} needs {kind}; got --{name} {getattr(self, name)} with "
                    f"{attack or 'none'}. Leave it out, or choose such an attack."
                )
        if self.beside and self.beside == self.model:
            raise InputError(
                f"--beside must be another model than --model; got {self.beside} twice. Leave "
                "--beside out, or name another."
            )
