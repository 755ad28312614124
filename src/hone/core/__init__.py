"""Shared vocabulary: what every other package of the laboratory speaks. Imports none of them."""
