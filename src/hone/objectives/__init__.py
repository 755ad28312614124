"""What is maximised: credit, losses and the algorithms made of them. Pure functions of arrays."""
