"""The run record: shape, checks, files, protocol signature; published numbers and their audit."""
