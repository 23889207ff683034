"""Detect and prepare faces in photographs and clips."""
