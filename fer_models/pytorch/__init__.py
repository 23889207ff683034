"""PyTorch's way to a classifier; the one folder that imports PyTorch, when a model needs it."""
