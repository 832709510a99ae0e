"""One rule a file: pure, no clock, no input or output, no engine."""
