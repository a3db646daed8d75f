"""`python -m sandbox`: the console script, for the programs that the demo starts."""

from sandbox.cli import main

main()
