"""What an attacker breaks whose images have 8 bits: every pixel a whole step of 1/255.

A stored image lies just beyond the border of its class, so rounding it undoes many flips. An
attacker who knows of the rounding does better. So at every eps of the grid each stored perturbation
is also stretched to the whole budget before it is rounded; that costs two forward passes per image
and eps, and no gradient. An attack made for 8 bits may break more: the figure is an upper bound.
"""

import numpy as np

from attacks.broken import broken
from attacks.sets.contents import AdversarialSet
from attacks.sets.eight_bits import whole_steps
from datasets.image_source import ImageSource
from evaluation.blocks import blocks
from fer_models.classifier import Classifier


def smallest_eight_bit_eps(
    classifier: Classifier, made: AdversarialSet, clean: ImageSource
) -> np.ndarray:
    """Smallest eps of the grid at which an 8-bit image within it is found to be broken.

    Args:
        classifier: the attacked model.
        made: the set of N images.
        clean: float32 (N, H, W, C), clean images of the same rows, whole steps of 1/255.

    Returns:
        float64 (N,): 0 where the clean image is wrong, infinity where no 8-bit image was found;
        never below `smallest_eps`.
    """
    found = np.where(made.smallest_eps == 0, 0.0, np.inf)
    rows, norm = made.image_rows, made.spec.norm
    for eps in (eps for eps in made.spec.grid if eps > 0):
        for stretched in (True, False):
            left = np.flatnonzero(np.isinf(found[rows]) & (made.smallest_eps[rows] <= eps))
            if not len(left):
                continue
            for block in blocks(len(left)):
                here = rows[left[block]]
                images, inside = whole_steps(
                    clean[here], made.images[left[block]], eps, norm, stretched=stretched
                )
                wrong = broken(classifier.logits(images), made.labels[here])
                found[here[wrong & inside]] = eps
    return found
