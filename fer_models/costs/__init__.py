"""What a call of a Keras model costs: multiply-adds, and images that memory has room for."""
