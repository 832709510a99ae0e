"""Where checked data rests: the Parquet catalog and its manifests."""
