"""Patterns over confirmed pivots: harmonic ratios and Elliott waves."""
