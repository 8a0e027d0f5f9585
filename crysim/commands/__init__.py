"""The sub-commands of `crysim`, one module each: thin, they parse, call and print."""
