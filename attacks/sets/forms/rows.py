"""What is known of each attacked face: one table, the same in every form of the images.

Every reader of image data sets knows a few names of splits and no others, so FER2013's splits get
the usual ones; the column `split` keeps the exact one.
"""

import numpy as np
import pandas as pd

from attacks.sets.eight_bits import EightBitCopies
from datasets.faceset import Split

USUAL_SPLIT = {
    Split.TRAINING: "train",
    Split.PUBLIC_TEST: "validation",
    Split.PRIVATE_TEST: "test",
    Split.TEST: "test",
    Split.SAMPLE: "test",
}
"""What other programs call a split."""


def rows_of(copies: EightBitCopies, split: Split) -> pd.DataFrame:
    """One row per face, in the order of the set.

    Args:
        copies: the images at one eps.
        split: split of the faces.

    Returns:
        Columns `label` (name of the class), `row` (number in the data), `file` (the clean face,
        relative to the data; no such column where a table holds the pixels), `split`, `attacked`
        (whether the image differs from the clean face), `smallest_eps` (NaN where the face is
        robust on the whole grid, 0 where it is wrong when clean), `wrong_float32`, `wrong_8bit`
        (whether the model misclassifies the float32 image, and this one), `prediction_8bit` and
        `distance_8bit` (from the clean face, in the norm of the attack).
    """
    made, classes = copies.made, np.array(copies.made.header.classes)
    rows = pd.DataFrame(
        {
            "label": classes[made.labels],
            "row": made.row_ids.astype(np.int64),
            "split": str(split),
            "attacked": copies.distances > 0,
            "smallest_eps": made.smallest_eps,
            "wrong_float32": copies.wrong_in_float,
            "wrong_8bit": copies.wrong,
            "prediction_8bit": classes[copies.predictions],
            "distance_8bit": copies.distances,
        }
    )
    if copies.files is not None:
        rows.insert(2, "file", copies.files)
    return rows
