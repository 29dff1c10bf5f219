"""Cards, splits, dataset importers, the embedded dataset, video decoding, collation."""
