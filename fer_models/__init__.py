"""Classifiers of facial expressions: contracts, gradients, architectures, weights, training."""
