"""Reliability rules in words a newcomer understands."""

RULES: dict[str, tuple[str, str]] = {
    "R2": (
        "Stored images are adversarial when read again",
        "Do not trust the figures of this attack: the stored images do not reproduce them.",
    ),
    "R3": (
        "The model answers more than one class",
        "The robust accuracy is the share of that class. Check that the model is loaded as it was "
        "trained, above all its input range.",
    ),
    "R4": (
        "Without a limit, every face breaks",
        "The attack does not work on this model; its robust accuracy is too high.",
    ),
    "R5": (
        "Many small steps beat one large step",
        "The iterative attack is badly tuned; check its step size.",
    ),
    "R6": (
        "More steps change nothing",
        "The attack has not converged: read the robust accuracy as an upper bound, or add steps.",
    ),
    "R7": (
        "White-box attacks beat black-box attacks",
        "Gradients are masked or missing: read the robust accuracy as an upper bound only.",
    ),
    "R8": ("The attack beats random noise", "The attack is no better than noise; ignore it."),
    "R9": (
        "The model has gradients",
        "Many gradients are zero, so gradient attacks say little about this model.",
    ),
    "R10": (
        "The model returns logits",
        "Saturated outputs look robust; remove the softmax and run again.",
    ),
    "R11": (
        "Same face, same answer",
        "The model is random; its figures must be averaged over many draws.",
    ),
    "R13": (
        "A transfer attack is not stronger",
        "The direct attack is too weak; use the figure of the transfer attack instead.",
    ),
    "R14": (
        "A planted adversarial example is found",
        "The attack misses known weaknesses; add steps.",
    ),
    "R19": (
        "An undefended model breaks",
        "Nothing shows that these settings can break a model: read figures as upper bounds.",
    ),
    "R21": (
        "Stronger corruption costs more accuracy",
        "Accuracy rises with severity somewhere; read the heat map with care.",
    ),
    "R24": (
        "The attack ran",
        "The attack failed, which is not robustness. Read its message and run it again.",
    ),
}
"""Rule: what it checks, and what a failure means."""
