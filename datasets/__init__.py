"""Faces and their labels: FER2013, FER+ votes, image folders, duplicates. Knows no classifier."""
