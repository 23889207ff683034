"""Choose faces on which FER and FER+ labels disagree, for the report to show."""

import numpy as np
import pandas as pd

from datasets.faceset import FaceSet
from datasets.labels import FER7, FERPLUS8, NO_LABEL, LabelSet, translate

SHOWN = 12
"""Number of faces kept."""


def disputed_faces(faces: FaceSet) -> dict[str, np.ndarray]:
    """Return the arrays of `DISPUTED_ARRAYS`: the clearest disagreements, FER class by FER class.

    The clearest are those with most votes for the FER+ label. Empty if a label set is missing.
    """
    chosen = np.empty(0, np.int64)
    if {LabelSet.FER, LabelSet.FERPLUS} <= set(faces.label_sets) and faces.votes is not None:
        fer = faces.labels(LabelSet.FER).values
        ferplus = faces.labels(LabelSet.FERPLUS).values
        differ = (translate(fer, FER7, FERPLUS8) != ferplus) & (fer >= 0) & (ferplus != NO_LABEL)
        places = np.flatnonzero(differ)
        votes = faces.votes[places, ferplus[places]].astype(np.int64)
        found = pd.DataFrame({"place": places, "fer": fer[places], "votes": votes})
        found = found.sort_values("votes", ascending=False, kind="stable")
        found["turn"] = found.groupby("fer").cumcount()
        chosen = found.sort_values(["turn", "fer"], kind="stable").place.to_numpy(np.int64)[:SHOWN]
    return {"row": faces.row_ids[chosen].astype(np.int64), "image": faces.images[chosen]}
