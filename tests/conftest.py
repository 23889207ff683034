"""Settings for every test: one backend, quiet logs, reproducible Hypothesis examples."""

import os

from hypothesis import settings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

settings.register_profile("deadpan", deadline=None, derandomize=True)
settings.load_profile("deadpan")
