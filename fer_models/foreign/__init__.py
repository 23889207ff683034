"""Other people's models: formats, contracts, the probe that finds a contract."""
