"""Terms of the page and their meanings."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Accuracy", "Share of faces whose label the classifier gives."),
    ("Attack success rate", "Wrong after the attack, among the faces that were right before."),
    ("Balanced accuracy", "Mean of the shares of right answers over the classes."),
    ("Best known", "What the attacks of this run and verified attacks of others leave together: a "
     "lower upper limit. `python -m evaluation.verify SET MODEL --into RUN` adds one."),
    ("Black box", "A classifier that gives answers but no gradients: it can be searched, not "
     "attacked with full knowledge, so its robust figures are upper limits."),
    ("Brier score", "Mean squared distance of the probabilities from the true label: 0 is sure "
     "and right, 2 sure and wrong."),
    ("Certified radius", "A length in L2 within which no change of a face at all turns the answer "
     "that a model gives most often under noise (randomised smoothing)."),
    ("Chance line", "What always answering the most frequent class would score."),
    ("Clean", "The face as it stands in the data, unchanged."),
    ("Corruption", "A change that happens without an enemy: blur, noise, compression."),
    ("ECE", "Expected calibration error: how far the classifier's confidence lies from how often "
     "it is right, on average over groups of faces on which it is about equally sure."),
    ("Eps", "The largest change allowed. 4/255 means that no pixel moves by more than 4 of the "
     "255 steps between black and white."),
    ("FER", "The original labels of FER2013, one a face."),
    ("FER+", "A later annotation of the same faces by ten people; here the majority, where "
     "there is one."),
    ("Flip", "The classifier's answer changes between the clean and the attacked face."),
    ("Grad-CAM shift", "Grad-CAM colours the places of a face that speak for the classifier's "
     "answer. The shift is 1 minus the cosine of the clean and the attacked answer's maps."),
    ("Interval", "A 95 % interval: if the test were repeated on other faces, 95 of 100 such "
     "intervals would hold the true share."),
    ("Label transfer", "Scored under one label set on faces attacked under the other. A face with "
     "the same label under both is attacked once, in the time of the first."),
    ("Leaked", "Pixel for pixel the same as a face of Training, so a classifier may know it by "
     "heart."),
    ("L\N{INFINITY}, L2", "Ways to measure a change: the largest pixel change, or the root of "
     "the summed squares over all pixels."),
    ("Macro F1", "Mean over the classes of the balance between finding a class and being right "
     "when naming it."),
    ("Median smallest eps", "Half of the faces read right when clean break at this eps or below; "
     "nothing between the eps that were tried is guessed."),
    ("NLL", "Mean of -log of the probability given to the true label: one answer that is sure "
     "and wrong costs much."),
    ("Not distinguishable", "The paired test (McNemar, corrected after Holm) cannot tell the two "
     "models apart on these faces."),
    ("Rank", "2\N{EN DASH}4 means: one model is distinguishably better, and of the others so many "
     "are not distinguishably worse that the place may be as low as fourth."),
    ("Robust accuracy", "Right on the clean face and on every attacked version, over all faces."),
    ("Security curve", "Robust accuracy against eps. Its mean (the area under it) sums up the "
     "whole curve in one figure, at most the clean accuracy."),
    ("SSIM", "Structural similarity: how alike two images look in light, contrast and pattern, "
     "from 1 for equal ones downwards."),
    ("Transfer", "An attack is made on one classifier and shown to another, which the attacker "
     "need not know."),
    ("White-box", "The attacker knows the model, its weights and its gradients."),
    ("Worst case", "For each face the most successful of all attacks that were run."),
)  # fmt: skip
"""Terms of the page and their meanings, in alphabetical order."""
