"""Terms of the page and what they mean."""

FERPLUS_RULE = (
    "the emotion with more than half of the votes that remain after single votes are dropped, "
    "\N{LEFT DOUBLE QUOTATION MARK}unknown\N{RIGHT DOUBLE QUOTATION MARK} and "
    "\N{LEFT DOUBLE QUOTATION MARK}not a face\N{RIGHT DOUBLE QUOTATION MARK} included"
)
"""`VoteRule.MAJORITY` in words (Barsoum et al. 2016)."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Adversarial example", "A face changed on purpose, within the perturbation budget, so that "
     "the classifier gets it wrong."),
    ("Attack success rate", "Share of the faces classified correctly when clean that the attack "
     "turns into errors."),
    ("Balanced accuracy", "Mean of the accuracies of the single classes, so rare classes count as "
     "much as frequent ones."),
    ("Best known", "Robust accuracy after the attacks of this run and verified attacks by others: "
     "a tighter upper bound. `python -m evaluation.verify SET MODEL --into RUN` adds one."),
    ("Black box", "A classifier that returns answers but no gradients. Attacks can only query it "
     "or use images made on other models, so its robust accuracy is an upper bound."),
    ("Brier score", "Mean squared distance between the predicted probabilities and the true "
     "label: 0 is certain and right, 2 is certain and wrong."),
    ("Certified radius", "An L2 distance within which no change of the face can alter the answer "
     "that the model gives most often under noise (randomised smoothing)."),
    ("Chance line", "Accuracy of always answering the most frequent class."),
    ("Clean", "The face as it is in the data, unchanged."),
    ("Clean accuracy", "Share of the unchanged faces that are classified correctly."),
    ("Corruption", "A change with no attacker behind it: blur, noise, compression."),
    ("ECE", "Expected calibration error: the average gap between confidence and accuracy, over "
     "groups of faces on which the classifier is about equally confident. On few faces the plain "
     "estimate is too large, since chance alone opens gaps. The debiased one takes that out: 0 % "
     "means that the gaps are no larger than chance makes them, not that there are none."),
    ("Eps", "The perturbation budget: the largest change allowed. 4/255 means that no pixel "
     "changes by more than 4 of the 255 steps between black and white."),
    ("FER", "The original labels of FER2013, one per face."),
    ("FER+", "Later labels of the same faces from the votes of ten annotators each: "
     f"{FERPLUS_RULE}. A face on which no emotion has that many has no FER+ label."),
    ("Flip", "The classifier answers differently on the clean and on the attacked face."),
    ("Grad-CAM shift", "Grad-CAM highlights the parts of a face that support the classifier's "
     "answer. The shift is 1 minus the cosine similarity between the map of the clean and the map "
     "of the attacked answer."),
    ("Interval", "A 95 % interval: if the evaluation were repeated on other faces of the same "
     "kind, about 95 of 100 such intervals would contain the true value."),
    ("Label transfer", "Accuracy under one label set on faces attacked under the other. A face "
     "with the same label in both is attacked once; its time counts with the first."),
    ("Leaked", "Pixel for pixel identical to a face in Training, so a classifier may have "
     "memorised it."),
    ("L\N{INFINITY}, L2, L1", "Three ways to measure a change: the largest change of a pixel, "
     "the root of the summed squared changes of all pixels, or the sum of all changes."),
    ("Macro F1", "Mean over the classes that have faces of F1, the harmonic mean of precision and "
     "recall. A class of a few faces counts as much as any other, though its F1 may be quite "
     "another on other faces: the interval reaches further up than down where such an F1 is near "
     "0, further down than up where it is near 1."),
    ("Median smallest eps", "At least half of the faces classified correctly when clean are broken "
     "at this eps or below. Only eps that were attacked can appear here; `no bound`: a black box "
     "whose faces survived the largest of them, which says little about stronger attacks."),
    ("NLL", "Negative log-likelihood: the mean of -log of the probability given to the true "
     "label. One answer that is certain and wrong costs a lot."),
    ("Not distinguishable", "An exact paired test of the two models' areas on these faces, with "
     "Holm's correction over the models ranked together, finds no significant difference."),
    ("Rank", "Models are ranked by the area under the security curve up to the headline eps. "
     "2\N{EN DASH}4 means that one model is significantly better, and that the paired tests leave "
     "open whether the place is second, third or fourth."),
    ("Robust accuracy", "Share of all faces that are classified correctly when clean and under "
     "every attack that saw them."),
    ("Security curve", "Robust accuracy against eps. Its mean over eps (the area under it) sums "
     "up the curve in one figure, which is at most the clean accuracy."),
    ("SSIM", "Structural similarity of two images in brightness, contrast and structure: 1 for "
     "identical images, less for others."),
    ("Transfer attack", "Adversarial examples are made on one classifier (the surrogate) and "
     "tried on another, about which the attacker need not know anything."),
    ("White-box", "The attacker knows the model, its weights and its gradients."),
    ("Worst case", "For each face, the most successful of all attacks on the model that saw it."),
)  # fmt: skip
"""Terms of the page and their meanings, in alphabetical order."""
