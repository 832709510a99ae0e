"""Running it: paper and live nodes."""
