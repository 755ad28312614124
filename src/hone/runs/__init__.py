"""How experiments are carried out: stages, run folders, the cache, resume, local processes."""
