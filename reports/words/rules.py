"""Reliability rules in words a newcomer understands."""

RULES: dict[str, tuple[str, str]] = {
    "R2": (
        "Stored images hold up when read again",
        "Do not trust this attack's figures: they could not be repeated from the stored images.",
    ),
    "R3": (
        "The model answers more than one class",
        "What stands is the share of that class: see whether the model was loaded as it was "
        "trained, its input range above all.",
    ),
    "R4": (
        "With no limit, every face breaks",
        "The attack itself is broken on this model; its robust figures are too high.",
    ),
    "R5": (
        "Many small steps beat one big step",
        "The longer attack is badly tuned; look at its step size.",
    ),
    "R6": (
        "More effort changes nothing",
        "The attack had not finished: read the robust figure as an upper limit, add steps.",
    ),
    "R7": (
        "Seeing inside the model helps",
        "Gradients are hidden or missing: read the robust figure as an upper limit, no more.",
    ),
    "R8": ("The attack beats random noise", "The attack is no better than chance; ignore it."),
    "R9": (
        "Gradients are there",
        "The model gives no slope to follow, so a gradient attack says little.",
    ),
    "R10": (
        "The model answers with plain scores",
        "Saturated outputs look robust; strip the softmax and run again.",
    ),
    "R11": (
        "Same face, same answer",
        "The model is random; its figures must be averaged over many draws.",
    ),
    "R13": (
        "A sibling's attack is not stronger",
        "The direct attack is too weak; read the transfer figure instead.",
    ),
    "R14": ("A planted weakness is found", "The attack misses known weaknesses; add steps."),
    "R19": (
        "An undefended model breaks",
        "Nothing shows that these settings can break a model: read robust figures as upper limits.",
    ),
    "R21": (
        "Stronger corruption hurts more",
        "Accuracy rises again where corruptions are stronger; read the heat map with care.",
    ),
    "R24": (
        "The attack really ran",
        "The attack failed; this is not robustness. Read its message and run it again.",
    ),
}
"""Rule: what it checks, and what to make of it when it does not hold."""
