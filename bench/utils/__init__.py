"""Files, paths, progress, processes, tables: nothing of our field."""
