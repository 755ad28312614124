"""How RL after next-token prediction facilitates learning (arXiv 2510.11495)."""
