"""Work for processes that a test starts; a test's own module they could not find."""

import os


def double(number: int) -> int:
    if number < 0:
        os.abort()  # as a decoder does over a file that was made for it
    return 2 * number
