"""First-party plug-ins of crysim; see `crysim plugins`."""
