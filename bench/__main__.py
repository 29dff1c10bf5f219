"""`python -m bench`, for torchrun."""

from .cli import main

main()
