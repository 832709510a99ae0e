"""Stress of stored portfolios: read them from runs, draw what scenarios do, and the command."""
