"""Names of attacks and corruptions, and how each attack works, in words."""

ATTACKS: dict[str, str] = {
    "fgsm": "one step of full size along the sign of the gradient",
    "pgd": "many small steps uphill on the loss, projected back into the allowed change",
    **{
        f"pgd_{part}": f"PGD that may change the {part} only"
        for part in ("eyes", "brows", "nose", "mouth")
    },
    "pgd_rest": "PGD that may change everything but eyes, brows, nose and mouth",
    "pgd_glasses": "PGD that may change the frame of a pair of glasses only",
    "apgd": "small steps uphill whose size adapts by itself, whatever the scale of the answers",
    "apgd_t": "the same towards each likely wrong class in turn",
    "fmn": "looks for the smallest change that breaks a face, so one run serves every eps",
    "square": "asks for answers only: changes one random square after another and keeps what helps",
    "deepfool": "steps to the nearest border between two classes, taken as straight",
    "cw_l2": "weighs the size of the change against success and searches the weight",
    "cw_linf": "the same for the largest change of a pixel",
    "elastic_net": "the same, preferring changes of few pixels",
    "jsma": "changes the few pixels that matter most to the answer",
    "hop_skip_jump": "asks for labels only: walks along the border between two classes",
    "boundary": "asks for labels only: starts far off and moves closer while it stays wrong",
    "simba": "asks for answers only: tries one direction after another and keeps what helps",
    "zoo": "asks for answers only and estimates the gradient from them",
    "one_pixel": "asks for answers only: evolves a few pixels of any colour",
    "universal": "one change for all faces",
    "patch": "one visible patch for all faces, of any colour",
    "spatial": "small shifts and turns of the face",
    "transfer": "made on other classifiers than the one it is shown to, with momentum and on "
    "shifted and resized copies so that it carries over",
    "ensemble": "APGD, targeted APGD, FMN and Square one after another, each on the faces that the "
    "others left standing",
    "noise": "a random move of size eps, in linf a random sign for every pixel: the baseline any "
    "attack must beat",
    "worst_case": "a face counts as broken as soon as any of the attacks breaks it",
}
"""Attack: how it works, for readers who have not met it."""

_PARTS = ("eyes", "brows", "nose", "mouth", "rest", "glasses")


def words(identifier: str) -> str:
    """An identifier for reading: `gaussian_noise` as `gaussian noise`, attacks by their names.

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
        "universal": "universal change",
        "spatial": "shifts and turns",
        "square": "Square",
        "worst_case": "worst case",
        "noise": "random noise",
        "jpeg": "JPEG",
    }
    return known.get(identifier, identifier.replace("_", " "))
