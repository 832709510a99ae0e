"""The trail of a run or a node: its logs, the story of one order, and where two runs part."""
