"""What we may do: intents, checks, modes, and the one gate to the venue."""
