"""Compare runs: what changed, leaderboards, required floors, claimed images."""
