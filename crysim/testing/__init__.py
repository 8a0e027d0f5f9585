"""Conformance suites for plug-ins, one for each kind."""
