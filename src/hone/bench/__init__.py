"""How fast: what this machine is and can do."""
