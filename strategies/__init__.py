"""What we think, and how we trade it."""
