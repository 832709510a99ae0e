"""Inference only: compiled forests and the schedule of which model may speak when."""
