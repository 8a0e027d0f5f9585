"""What a user asks for, as functions: settings in, a result value out, nothing printed.

`crysim.workflows.search`, `bench`, `relax`, `report`, `reproduce`, `imports`, `tuning` and `solver_comparison`; the
command line calls them, and so do notebooks (`crysim.search`, `crysim.harness`, `crysim.relax`).
"""
