"""The pre-trade arithmetic of all eight layers, compiled, over plain records of figures."""
