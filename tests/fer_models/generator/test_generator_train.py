"""The command that trains the generator: it learns, and continues where it was interrupted."""

from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.locks import locked
from fer_models.generator import net
from fer_models.generator.flow import NUM_CONDITIONS, FlowBatches
from fer_models.generator.train import main
from fer_models.weights import read_arrays
from tests.datasets.factory import write_source


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(net.build_generator, "__defaults__", ((8, 8, 8),))
    return write_source(tmp_path)


@pytest.mark.slow
def test_it_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "work"
    main(data, out=out, epochs=1, batch_size=8)
    first = read_arrays(out / "weights.npz")
    with pytest.raises(InputError, match="holds a training"):
        main(data, out=out, epochs=2, batch_size=8)
    with locked(out), pytest.raises(InputError, match="another command is writing there"):
        main(data, out=out, epochs=2, batch_size=8, resume=True)
    main(data, out=out, epochs=2, batch_size=8, resume=True)
    history = np.loadtxt(out / "history.csv", delimiter=",", skiprows=1, usecols=(0, 1))
    assert history[:, 0].tolist() == [0, 1]
    assert np.isfinite(history).all()
    assert any(
        (first[key] != array).any() for key, array in read_arrays(out / "weights.npz").items()
    )


def test_a_backup_alone_is_not_continued_unasked(data: Path, tmp_path: Path) -> None:
    (tmp_path / "work" / "backup").mkdir(parents=True)
    with pytest.raises(InputError, match="holds a training"):
        main(data, out=tmp_path / "work", epochs=1, batch_size=8)


@pytest.mark.slow
def test_a_loss_of_nan_ends_it_without_weights(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it became NaN at --learning-rate 1e"):
        main(data, out=tmp_path / "work", epochs=2, batch_size=8, learning_rate=1e38)
    assert not (tmp_path / "work" / "weights.npz").exists()


def test_it_learns() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8)
    inputs, velocities = FlowBatches(images, np.eye(8, NUM_CONDITIONS, dtype=np.float32), 8, 0)[0]
    generator = net.build_generator((8, 8, 1), NUM_CONDITIONS, (8, 8))
    generator.compile(keras.optimizers.Adam(0.01), "mean_squared_error")
    losses = [generator.train_on_batch(inputs, velocities) for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]
