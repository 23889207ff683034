"""What every room uses: errors, commands, whole-file writes, locks, progress, cache."""
