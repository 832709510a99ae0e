"""Whether a result can be believed: sanity bands, overfitting statistics."""
