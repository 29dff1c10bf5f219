"""How long `bench report` takes over the committed records, and how large its page is.

python tests/benchmarks/report.py [RESULTS]
"""

import sys
import tempfile
import time
from pathlib import Path

from bench.records.store import load_records
from bench.report.build import build


def main() -> None:
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results/moodclips.tar.xz")
    records = load_records(results)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        page = build(records, results, Path(folder), "emotion", "plain", "html")[0]
        seconds = time.perf_counter() - start
        print(f"{len(records)} records: {seconds:.0f} s, {page.name} {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
