"""Signals from technical analysis and models, and their fusion."""
