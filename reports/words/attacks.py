"""Names of attacks and corruptions in words.

A run's manifest holds the title of each attack and how it works, from the attack's class. Here are
the names of perturbations without a class, and titles for runs made before the manifest had them.
"""

import re
from collections.abc import Mapping
from typing import Any

WORST_CASE_WORDS = "a face counts as broken as soon as any attack breaks it"

_PARTS = ("eyes", "brows", "nose", "mouth", "rest", "glasses")


def words(identifier: str) -> str:
    """Return an identifier as words: `shot_noise` as `shot noise`, attacks by their names.

    The perturbation `none` is `clean`.
    """
    known = {
        "none": "clean",
        "pgd": "PGD",
        "fgsm": "FGSM",
        **{f"pgd_{part}": f"PGD ({part} only)" for part in _PARTS},
        "apgd": "APGD",
        "apgd_t": "targeted APGD",
        "apgd_chosen": "APGD towards chosen targets",
        "fmn": "FMN",
        "deepfool": "DeepFool",
        "ensemble_full": "full ensemble",
        "cw_l2": "Carlini-Wagner L2",
        "cw_linf": "Carlini-Wagner L\N{INFINITY}",
        "jsma": "JSMA",
        "hop_skip_jump": "HopSkipJump",
        "boundary": "boundary attack",
        "simba": "SimBA",
        "zoo": "ZOO",
        "universal": "universal perturbation",
        "spatial": "shifts and rotations",
        "square": "Square",
        "worst_case": "worst case",
        "noise": "random noise",
        "jpeg": "JPEG",
        "gaussian_noise": "Gaussian noise",
        "gaussian_blur": "Gaussian blur",
    }
    if sigma := re.fullmatch(r"smooth([\d.]+)", identifier):
        return f"randomised smoothing (sigma {sigma[1]})"
    return known.get(identifier, identifier.replace("_", " "))


def attack_title(manifest: Mapping[str, Any], identifier: str) -> str:
    """The title that the run's manifest gives an attack, else its identifier as words.

    A title with a comma, such as those of older runs, gets brackets: lists separate by commas.
    """
    titles = (
        entry["title"]
        for entry in manifest["perturbations"]
        if entry["perturbation"] == identifier and entry.get("title")
    )
    name, comma, rest = next(titles, words(identifier)).partition(", ")
    return f"{name} ({rest})" if comma else name
