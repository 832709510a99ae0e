"""Streaming feature kernels; batch and live run the same machine code."""
