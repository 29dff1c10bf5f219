"""One file per variant. Each registers itself; nothing else needs to know it."""
