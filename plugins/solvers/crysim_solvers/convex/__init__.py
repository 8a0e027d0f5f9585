"""The convex solver: a relaxation bounds the model, rounding and exchanges fill it, branch and bound closes the gap."""
