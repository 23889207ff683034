"""Clips: what the faces in a video file show over time, clean and under attack."""
