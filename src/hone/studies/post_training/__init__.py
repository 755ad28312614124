"""Post-training methods and rewards against each other, at one budget."""
