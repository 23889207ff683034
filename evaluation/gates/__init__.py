"""Gates of build pipelines: floors, regressions, and their outcome as JUnit XML and Markdown."""
