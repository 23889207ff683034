"""`--engine`: `local`, `ray` for a cluster on this machine, `ray://ADDRESS` for another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from datasets.base.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from evaluation.engines.engine import Engine
    from evaluation.engines.parcel import Parcel
    from evaluation.listener import Listener

LOCAL, RAY = "local", "ray"


def check_engine(name: str) -> None:
    """Refuse an unknown engine before anything is read.

    Raises:
        InputError: unknown, or Ray is not installed.
    """
    if name == LOCAL:
        return
    if name != RAY and not name.startswith(f"{RAY}://"):
        raise InputError(f"--engine must be local, ray, or ray://HOST:PORT; got {name!r}.")
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise InputError('--engine ray needs Ray. Install it: pip install -e ".[ray]"')


@contextmanager
def opened(
    name: str, images: "np.ndarray", parcels: "Mapping[str, Parcel]", listener: "Listener"
) -> "Iterator[Engine | None]":
    """The engine with a name while the block runs; None where this process computes everything.

    Args:
        name: accepted by `check_engine`.
        images: uint8 (N, H, W, C), the faces of the run.
        parcels: the models by id.
        listener: receives lines of text.

    Raises:
        InputError: there is no such cluster.
    """
    if name == LOCAL:
        yield None
        return
    from evaluation.engines.ray_engine import RayEngine

    address = {RAY: None, f"{RAY}://auto": "auto"}.get(name, name)
    engine = RayEngine(address)
    try:
        engine.open(images, parcels, listener)
        yield engine
    finally:
        engine.close()
