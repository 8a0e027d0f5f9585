"""Descent in the free parameters, in batches, and away from saddle points."""
