"""Several attacks in turn, each on the images that are not broken yet."""
