"""How large a loss may be: value at risk, shrunk covariance, correlation, and tests of such forecasts."""
