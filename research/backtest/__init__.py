"""Run one backtest and keep everything needed to judge it."""
