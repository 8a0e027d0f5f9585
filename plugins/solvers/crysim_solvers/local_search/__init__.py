"""What the solvers of our own share: moves and exchanges, the pool of solutions, and the choice among them."""
