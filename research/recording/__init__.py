"""Recordings of sessions: every input of what decides, in the order it was processed."""
