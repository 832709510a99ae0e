"""What is said about a market beyond one kernel: fits, joins, costs."""
