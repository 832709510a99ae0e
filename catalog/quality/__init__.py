"""One check per file; the validator runs them in order."""
