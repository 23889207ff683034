"""Turn the user's options and the tier into the configuration of a run."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import numpy as np

from attacks.precision import Precision
from attacks.threat_model import Norm, check_eps, parse_eps, parse_norm
from datasets.base.errors import InputError
from datasets.base.options import parse_choice
from datasets.faceset import Split
from datasets.labels import LabelSet
from evaluation.config import Certification, RunConfig
from evaluation.request import RunRequest, listed
from evaluation.tiers import Tier, TierSettings, read_tier, tier_path
from fer_models.zoo import resolve


def asked_split(request: RunRequest) -> Split | None:
    """Return the split that the user named, if any.

    Raises:
        InputError: no such split.
    """
    return parse_choice(Split, request.split, "--split") if request.split else None


def configure(request: RunRequest, split: Split, label_sets: Sequence[str]) -> RunConfig:
    """Check the user's options and fill in the rest from tier and data.

    Args:
        request: the options.
        split: split of the data, used when the request names none.
        label_sets: label sets of the data, used when the request names none.

    Raises:
        InputError: an unknown model, tier, norm, split, label set or precision, a bad eps, sigma,
            limit, seed, or number of faces or seeds, two eps too close to tell apart, or a norm
            without a grid.
    """
    for option, number, least in (
        ("--limit", 0 if request.limit is None else request.limit, 0),
        ("--faces", 1 if request.faces is None else request.faces, 1),
        ("--seed", request.seed, 0),
        ("--seeds", request.seeds, 1),
    ):
        whole = isinstance(number, Integral) and not isinstance(number, bool)
        if not (whole and least <= number < 2**63):
            raise InputError(
                f"{option} must be a whole number from {least} to 2**63 - 1; got {number!r}."
            )
    models = tuple(resolve(listed(request.models)))
    norm = parse_norm(request.norm)
    precision = parse_choice(Precision, request.precision, "--precision")
    tier = str(request.tier)
    path = tier_path(tier)
    settings = read_tier(path)
    return RunConfig(
        split=asked_split(request) or split,
        models=models,
        labels=_label_sets(listed(label_sets if request.labels is None else request.labels)),
        tier=tier if tier in list(Tier) else path.name,
        norm=norm,
        eps=_grid(request, norm, settings),
        limit=settings.limit if request.limit is None else (request.limit or None),
        seed=request.seed,
        severities=settings.severities,
        corruptions=settings.corruptions,
        certification=_certification(request, settings.certification),
        attacks=settings.attacks,
        transfer=settings.transfer,
        precision=precision,
        seeds=request.seeds,
    )


def _grid(request: RunRequest, norm: Norm, settings: TierSettings) -> tuple[float, ...]:
    """The user's eps values, else the tier's: checked, ascending, each once."""
    if request.eps is None and norm not in settings.eps:
        raise InputError(
            f"tier {request.tier} has no eps grid for norm {norm}. Take --tier standard, or give a "
            "grid with --eps."
        )
    words = settings.eps[norm] if request.eps is None else listed(request.eps).split(",")
    grid = sorted({parse_eps(word) for word in words})
    for value in grid:
        check_eps(value, norm)
    for one, other in pairwise(grid):
        if np.isclose(one, other):  # figures are looked up by an eps that is close
            raise InputError(
                f"`eps` values must differ; {one!r} and {other!r} are too close to tell "
                "apart. Leave one out."
            )
    return tuple(grid)


def _certification(request: RunRequest, given: Certification | None) -> Certification | None:
    """The tier's certification, with the user's sigmas if there are any."""
    if request.certify is None:
        return given
    sigmas = listed(request.certify)
    settings = given.model_dump(exclude={"sigmas"}) if given else {}
    try:
        return Certification(sigmas=tuple(map(float, sigmas.split(","))), **settings)
    except ValueError:
        raise InputError(
            "--certify must be sigmas of noise in (0, 1], such as 0.1,0.25 (pixels are in "
            f"[0, 1]), that differ in their first six digits; got {sigmas!r}."
        ) from None


def _label_sets(labels: str) -> tuple[LabelSet, ...]:
    found = []
    for word in filter(None, (part.strip() for part in labels.split(","))):
        if word not in list(LabelSet):
            raise InputError(f"--labels must be fer, ferplus or both; got {word!r}.")
        found.append(LabelSet(word))
    if not found:
        raise InputError(f"--labels must be fer, ferplus or both; got {labels!r}.")
    return tuple(dict.fromkeys(found))
