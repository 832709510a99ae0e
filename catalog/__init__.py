"""What the market said: checked, stored, replayable."""
