"""What we learn: training, backtests, reports."""
