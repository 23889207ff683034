"""What a model is fed: images of [0, 1] brought to the size, channels and scaling of a contract."""
