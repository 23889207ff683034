"""Used by every room: errors, commands, atomic writes, locks, progress bars, the csv cache."""
