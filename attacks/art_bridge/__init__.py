"""Attacks of the Adversarial Robustness Toolbox (ART); only modules in here import it."""
