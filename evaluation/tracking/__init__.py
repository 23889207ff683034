"""Finished runs in other tools: MLflow, and model cards of Hugging Face."""
