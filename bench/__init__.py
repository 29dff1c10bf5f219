"""Does emotion help a model find the right video, and is the gain real?

The engine: data, emotions, the backbone, one training loop, one evaluator, the records. It knows no variant by name;
those live in the package `variants`. Start at `bench/cli.py`, or type `bench --help`.
"""

__version__ = "0.1.0"
