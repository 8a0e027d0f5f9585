"""`python -m crysim`."""

from crysim.cli import main

main()
