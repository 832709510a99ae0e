"""Strategies a configuration may start."""
