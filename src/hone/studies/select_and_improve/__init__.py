"""What RL adds on chains of field arithmetic: strategies chosen, strategies executed."""
