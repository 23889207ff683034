"""Used by every package: errors, commands, atomic writes, locks, progress bars, the csv cache."""
