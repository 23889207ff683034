"""ONNX graphs as PyTorch modules, so that foreign ONNX models have gradients."""
