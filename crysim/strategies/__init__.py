"""Strategy ``crysim``: the paper's loop of a surrogate and an Ising machine."""
