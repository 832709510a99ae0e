"""The embedded real sample, its licence and its origin."""
