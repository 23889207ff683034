"""Brief expressions: a face that leaves its own baseline for 0.5 to 4 s."""
