"""Settings for every test: one backend, quiet logs, an own cache, reproducible examples."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

settings.register_profile("deadpan", deadline=None, derandomize=True)
settings.load_profile("deadpan")


@pytest.fixture(scope="session", autouse=True)
def own_cache() -> Iterator[None]:
    """Keep parsed faces away from the user's cache, unless `DEADPAN_CACHE` names a folder."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if "DEADPAN_CACHE" not in os.environ:
            patch.setenv("DEADPAN_CACHE", folder)
        yield
