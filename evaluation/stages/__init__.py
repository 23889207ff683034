"""The stages of a run: plan, make the sets, predict again from them, store."""
