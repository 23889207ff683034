"""Who computes a run's chunks: this process, or workers on this and other machines."""
