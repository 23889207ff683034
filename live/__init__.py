"""The live demo: classify faces of a camera, clean and under attack."""
