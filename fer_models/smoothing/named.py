"""Smoothers by name: `none`, `repeater:5`, `mean:12`, `hmm:0.99`."""

from datasets.base.errors import InputError
from fer_models.smoothing.hidden_markov import HiddenMarkov
from fer_models.smoothing.running_mean import RunningMean
from fer_models.smoothing.smoother import RepeaterSmoother, Smoother

MOST_FRAMES = 1000
"""Most frames that a repeater or a running mean may wait for."""


def parse_smoothers(text: str) -> list[Smoother]:
    """Make smoothers from their names, separated by commas; `none` comes first, named or not.

    Raises:
        InputError: an unknown name, or a number out of range.
    """
    named = [_smoother(name.strip()) for name in text.split(",") if name.strip()]
    found = {smoother.name: smoother for smoother in (RepeaterSmoother(1), *named)}
    return list(found.values())


def _smoother(name: str) -> Smoother:
    kind, _, number = name.partition(":")
    if name == "none":
        return RepeaterSmoother(1)
    if kind in ("repeater", "mean"):
        frames = _frames(name, number)
        return RepeaterSmoother(frames) if kind == "repeater" else RunningMean(frames)
    if kind == "hmm":
        return HiddenMarkov(_stay(name, number))
    raise InputError(
        f"--smoothing takes none, repeater:FRAMES, mean:FRAMES and hmm:STAY; got {name!r}. "
        "For example: --smoothing repeater:5,mean:12,hmm:0.99."
    )


def _frames(name: str, number: str) -> int:
    short = number.isdecimal() and len(number) <= len(str(MOST_FRAMES))
    if not (short and 2 <= int(number) <= MOST_FRAMES):
        raise InputError(
            f"--smoothing: repeater and mean take 2 to {MOST_FRAMES} frames; got {name!r}. "
            "For example: mean:12."
        )
    return int(number)


def _stay(name: str, number: str) -> float:
    try:
        stay = float(number)
    except ValueError:
        stay = 0.0
    if not 0 < stay < 1:
        raise InputError(
            f"--smoothing: hmm takes the probability, above 0 and below 1, that the expression "
            f"stays from frame to frame; got {name!r}. For example: hmm:0.99."
        )
    return stay
