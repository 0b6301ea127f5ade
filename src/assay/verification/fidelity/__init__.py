"""Fidelity to the brief (METHODS 8): did a simulated user do what it was told, and whose fault was a failed run?"""
