"""From a video's frames to what CLIP's vision tower takes: shorter side, centre crop, mean and standard deviation.

The numbers are torchvision's (`Resize(size, BICUBIC, antialias=True)`, `CenterCrop(size)`, `Normalize`), without it.
"""

import numpy as np
import torch
from torch.nn.functional import interpolate

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training images, R G B (openai/CLIP, clip.py)
STD = (0.26862954, 0.26130258, 0.27577711)


def resize_crop(frames: np.ndarray, size: int) -> np.ndarray:
    """The middle square of every frame, at `size` pixels a side.

    frames: (T, H, W, 3) uint8. Returns (T, size, size, 3) uint8. The shorter side becomes `size`, the longer one
    int(size · longer / shorter); bicubic with a = -0.5 and a filter that widens with the reduction (Pillow's rule);
    the crop starts at round((side - size) / 2), half to even, as torchvision's.
    """
    height, width = frames.shape[1:3]
    shorter = min(height, width)
    new = (int(size * height / shorter), int(size * width / shorter))
    if new != (height, width):
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
        pixels = interpolate(pixels, new, mode="bicubic", antialias=True, align_corners=False)
        frames = pixels.permute(0, 2, 3, 1).numpy()
    top, left = (round((side - size) / 2) for side in new)
    return np.ascontiguousarray(frames[:, top : top + size, left : left + size])


def normalize(frames: torch.Tensor) -> torch.Tensor:
    """CLIP's normalization: (…, H, W, 3) uint8 to (…, 3, H, W) float32, (x / 255 - mean) / std for each channel."""
    scale = torch.tensor(STD, device=frames.device) * 255
    shift = torch.tensor(MEAN, device=frames.device) * 255
    return ((frames - shift) / scale).movedim(-1, -3).contiguous()
