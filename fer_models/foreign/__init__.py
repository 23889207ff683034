"""Foreign models: their formats, their contracts, and the probe that finds a contract."""
