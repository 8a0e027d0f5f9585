"""The dimod family: its samplers as solvers of ours, and our solvers as a sampler of its kind."""
