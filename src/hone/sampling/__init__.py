"""How a policy answers: batched KV-cache sampling, constrained openings, scoring."""
