"""Names of attacks and corruptions, and how each attack works, in words."""

ATTACKS: dict[str, str] = {
    "fgsm": "a single step of size eps along the sign of the gradient",
    "pgd": "many small gradient steps that increase the loss, each projected back into the budget",
    **{f"pgd_{part}": f"PGD confined to the {part}" for part in ("eyes", "brows", "nose", "mouth")},
    "pgd_rest": "PGD confined to everything except eyes, brows, nose and mouth",
    "pgd_glasses": "PGD confined to the frame of a pair of glasses",
    "apgd": "PGD with an adaptive step size and a loss that ignores the scale of the logits",
    "apgd_t": "APGD towards each of the likeliest wrong classes in turn",
    "fmn": "searches for the smallest change that breaks a face, so one run covers every eps",
    "square": "black-box: changes one random square after another and keeps the changes that help",
    "deepfool": "steps to the nearest decision boundary, approximated as a plane",
    "cw_l2": "minimises the change plus a weighted attack loss, and searches for the weight",
    "cw_linf": "Carlini-Wagner for the largest change of a pixel",
    "elastic_net": "Carlini-Wagner with an L1 term, which favours changes to few pixels",
    "jsma": "changes the few pixels that influence the answer most",
    "hop_skip_jump": "black-box, labels only: walks along the decision boundary",
    "boundary": "black-box, labels only: starts far away and moves closer, staying adversarial",
    "simba": "black-box: tries one direction after another and keeps the changes that help",
    "zoo": "black-box: estimates the gradient from queries",
    "one_pixel": "black-box: evolves the places and colours of a few pixels",
    "universal": "one perturbation for all faces",
    "patch": "one visible patch for all faces, in any colours",
    "spatial": "small shifts and rotations of the face",
    "transfer": "made on other models (surrogates), with momentum and on shifted and resized "
    "copies so that it transfers",
    "ensemble": "APGD, targeted APGD, FMN and Square in turn, each on the faces that are still "
    "classified correctly",
    "noise": "a random change of size eps (in L\N{INFINITY} a random sign for each pixel): the "
    "baseline that every attack must beat",
    "worst_case": "a face counts as broken as soon as any attack breaks it",
}
"""Attack: how it works, for readers who have not met it."""

_PARTS = ("eyes", "brows", "nose", "mouth", "rest", "glasses")


def words(identifier: str) -> str:
    """Return an identifier as words: `gaussian_noise` as `gaussian noise`, attacks by their names.

    The perturbation `none` is `clean`.
    """
    known = {
        "none": "clean",
        "pgd": "PGD",
        "fgsm": "FGSM",
        **{f"pgd_{part}": f"PGD, {part} only" for part in _PARTS},
        "apgd": "APGD",
        "apgd_t": "targeted APGD",
        "fmn": "FMN",
        "deepfool": "DeepFool",
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
    }
    return known.get(identifier, identifier.replace("_", " "))
