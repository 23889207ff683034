import numpy as np
import pytest

from datasets.agreement import measure_agreement
from datasets.labels import FER7, FERPLUS8, NO_LABEL, Labels


def test_by_hand():
    # FER angry angry happy happy neutral sad; FER+ anger neutral happiness happiness neutral none
    fer = Labels(FER7, np.array([0, 0, 3, 3, 6, 4]))
    ferplus = Labels(FERPLUS8, np.array([4, 0, 1, 1, 0, NO_LABEL]))
    found = measure_agreement(fer, ferplus)
    assert found.n == 5
    assert found.share == pytest.approx(4 / 5)
    # chance: anger 2/5 x 1/5, happy 2/5 x 2/5, neutral 1/5 x 2/5 = 8/25; (20 - 8) / (25 - 8)
    assert found.kappa == pytest.approx(12 / 17)
    expected = [0.5, np.nan, np.nan, 1, np.nan, np.nan, 1]
    np.testing.assert_allclose(found.survival, expected)
    assert found.counts[0].tolist() == [1, 0, 0, 0, 1, 0, 0, 0]  # neutral, anger
    assert found.counts[3].tolist() == [0, 2, 0, 0, 0, 0, 0, 0]


def test_contempt_is_a_disagreement():
    found = measure_agreement(Labels(FER7, np.array([1, 1])), Labels(FERPLUS8, np.array([7, 5])))
    assert (found.share, found.survival[1]) == (0.5, 0.5)


def test_no_common_rows():
    found = measure_agreement(Labels(FER7, np.array([1])), Labels(FERPLUS8, np.array([NO_LABEL])))
    assert found.n == 0 and np.isnan(found.share) and np.isnan(found.kappa)
    assert np.isnan(found.survival).all()
