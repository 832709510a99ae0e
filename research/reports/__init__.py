"""Figures, baselines and the tearsheet of a run."""
