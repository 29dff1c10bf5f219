"""A process that is killed while it writes an index's vectors to LanceDB: python killed_load.py FOLDER"""

import os
import signal
import sys
from pathlib import Path

from bench.search import index_store
from bench.search.backends import lance_table


def main() -> None:
    """Writes block by block and ends, as by the kernel's out-of-memory killer, when the third is asked for."""
    store = index_store.read(Path(sys.argv[1]))
    assert store is not None
    blocks, lance_table.CHUNK = store.features(), 1

    def until_killed():  # type: ignore[no-untyped-def]
        yield next(blocks)
        yield next(blocks)
        os.kill(os.getpid(), signal.SIGKILL)

    store.features = until_killed  # type: ignore[method-assign]
    lance_table.Lance().load(store, None)


if __name__ == "__main__":
    main()
