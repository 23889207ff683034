"""The live demo: a camera's faces read clean and under attack."""
