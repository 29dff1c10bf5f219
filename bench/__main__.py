"""`python -m bench`, for torchrun."""

from bench.cli import main

main()
