"""Train classifiers: rows, loop, work folder, queue."""
