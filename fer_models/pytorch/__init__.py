"""PyTorch's way to a classifier; the one folder that imports PyTorch, when a model needs it."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""OpenMP reads it when PyTorch is imported. Its threads would otherwise spin while they wait for
each other: with other programs on the same two cores a gradient then took four times as long."""
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
"""Read at the same time: opening a quantised net would print advice to its author."""
