"""Datasets, labels, splits and training of models."""
