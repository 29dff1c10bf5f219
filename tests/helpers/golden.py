"""The shape of the golden checkpoints, which were made with the original model's code (see shared/README.md).

It is also the shape on which `bench.model.contract` checks variants.
"""

from bench.model.small_models import SMALL_FRAMES as GOLDEN_FRAMES
from bench.model.small_models import small_config as golden_config

__all__ = ["GOLDEN_FRAMES", "golden_config"]
