"""Models as Hugging Face keeps them: folders, and those of the hub."""
