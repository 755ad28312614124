"""How a policy learns: supervised and post-training loops, start-up checks."""
