"""`jpeg75`: the effect of JPEG compression on the pixels, computed in Keras.

Blocks of 8x8, cosine transform, quantisation tables of ITU-T T.81 annex K scaled by quality as
libjpeg does; colour without chroma subsampling. The lossless coding after it changes nothing.
Source: Dziugaite et al. 2016, arXiv 1608.00853; straight-through rounding as in Shin & Song 2017.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from scipy.fft import dct

from fer_models.defences.base import Defence, straight_through

_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
_TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
_COSINES = dct(np.eye(8), axis=0, norm="ortho")


@dataclass(frozen=True)
class Jpeg(Defence):
    """Compress and decompress at a quality of 1 to 100."""

    quality: int
    name = "jpeg"
    differentiable = False

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Compressed images in [0, 1]; both roundings pass the gradient straight through."""
        height, width, channels = images.shape[1:]
        pad = [(0, 0), (0, -height % 8), (0, -width % 8), (0, 0)]
        x = ops.pad(images * 255.0, pad, mode="symmetric")
        x = straight_through(x, ops.round(x))
        tables = [_LUMINANCE]
        if channels == 3:
            x = ops.matmul(x, _constant(_TO_YCBCR.T))
            tables += [_CHROMINANCE, _CHROMINANCE]
        quantiser = np.stack([_scaled(table, self.quality) for table in tables], axis=-1)
        rows, columns = x.shape[1] // 8, x.shape[2] // 8
        blocks = ops.reshape(x, (-1, rows, 8, columns, 8, channels))
        middle = _constant(np.array([128.0, 0.0, 0.0][:channels]))
        blocks = blocks - middle
        cosines, step = _constant(_COSINES), _constant(quantiser[:, None])
        waves = ops.einsum("nriskz,ui,vk->nrusvz", blocks, cosines, cosines) / step
        waves = straight_through(waves, ops.round(waves)) * step
        blocks = ops.einsum("nrusvz,ui,vk->nriskz", waves, cosines, cosines)
        x = ops.reshape(blocks, (-1, rows * 8, columns * 8, channels)) + middle
        if channels == 3:
            x = ops.matmul(x, _constant(np.linalg.inv(_TO_YCBCR).T))
        x = straight_through(x, ops.clip(ops.round(x), 0, 255)) / 255.0
        return x[:, :height, :width]


def _scaled(table: np.ndarray, quality: int) -> np.ndarray:
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((table * np.floor(scale) + 50) / 100), 1, 255)


def _constant(values: np.ndarray) -> keras.KerasTensor:
    return ops.convert_to_tensor(values.astype(np.float32))
