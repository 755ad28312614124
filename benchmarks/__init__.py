"""How fast the laboratory is. `python -m benchmarks.run` measures and writes docs/benchmarks.md."""
