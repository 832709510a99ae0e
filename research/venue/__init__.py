"""The simulated venue's realism: fees, funding, liquidation, latency, slippage."""
