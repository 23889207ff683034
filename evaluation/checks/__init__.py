"""Reliability checks: rules R1 to R26."""
