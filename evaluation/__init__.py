"""Measure what attacks and corruptions leave of a classifier's accuracy, under both label sets."""
