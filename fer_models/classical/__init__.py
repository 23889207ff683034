"""Classifiers from before deep learning: HOG and landmarks with an SVM, boosted trees."""
