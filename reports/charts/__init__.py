"""Charts: axes and a results frame in, a drawing out."""
