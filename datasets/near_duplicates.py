"""The same photograph in another crop or encoding: near duplicates between or within sets of faces.

A perceptual hash finds candidates among all pairs, and the correlation of pixels decides, over
shifts of a few pixels. Mirrored copies count. Pixel-identical images: `datasets/duplicates.py`.

Source of the hash: Zauner, "Implementation and benchmarking of perceptual image hash functions",
2010, section 3.2.1 (the signs of low frequencies about their median).
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from datasets.duplicates import first_identical

SAME_PHOTOGRAPH = 0.96
"""Pearson correlation of pixels above which two faces count as the same photograph."""

_SIDE = 48
_FREQUENCIES = 8
_MOST_BITS = 10
"""Bits of 63 that may differ. Every pair of FER2013's PublicTest and Training that correlates
above .96 differs in at most 10."""
_SHIFT = 2
_CHUNK = 1024
_PAIRS = 16384
"""Pairs of one set that are compared before their groups are joined."""


class NearPairs(NamedTuple):
    """Pairs of near duplicates, by row, then by other.

    Attributes:
        row: int64 (P,), index in the first set.
        other: int64 (P,), index in the second.
        correlation: float32 (P,), the largest over shifts and mirroring.
        mirrored: bool (P,).
    """

    row: np.ndarray
    other: np.ndarray
    correlation: np.ndarray
    mirrored: np.ndarray


def near_pairs(images: np.ndarray, others: np.ndarray) -> NearPairs:
    """Find near duplicates between two sets of faces.

    Args:
        images: uint8 (N, H, W, C).
        others: uint8 (M, H, W, C).
    """
    first, second = _thumbnails(images), _thumbnails(others)
    flipped = second[:, :, ::-1]
    hashes = perceptual_hash(first)
    parts = []
    for mirrored, faces in ((False, second), (True, flipped)):
        rows, columns = _candidates(hashes, perceptual_hash(faces))
        found = _correlations(first, faces, rows, columns)
        near = found > SAME_PHOTOGRAPH
        parts.append((rows[near], columns[near], found[near], np.full(near.sum(), mirrored)))
    row, other, correlation, way = (np.concatenate(each) for each in zip(*parts, strict=True))
    best = np.lexsort((-correlation, other, row))
    row, other, correlation, way = row[best], other[best], correlation[best], way[best]
    fresh = np.ones(len(row), bool)  # a symmetric pair is found twice
    fresh[1:] = (row[1:] != row[:-1]) | (other[1:] != other[:-1])
    return NearPairs(row[fresh], other[fresh], correlation[fresh], way[fresh])


def first_near(images: np.ndarray) -> np.ndarray:
    """Row of the first image in the group of near duplicates of each image, int64 (N,).

    Groups are the connected components of near pairs, so a chain of them is one group; images with
    the same pixels always share one. Pairs already in one group are not compared again: a set of
    nothing but near duplicates takes no more memory than others.

    Args:
        images: uint8 (N, H, W, C).
    """
    faces = _thumbnails(images)
    first = first_identical(faces)
    rows = np.unique(first)
    faces = faces[rows]
    hashes, group = perceptual_hash(faces), np.arange(len(faces))
    for others in (faces, faces[:, :, ::-1]):
        hashes_of_others = perceptual_hash(others)
        ones, twos, waiting = [], [], 0
        for row, own in enumerate(hashes):
            near = np.bitwise_count(own ^ hashes_of_others) <= _MOST_BITS
            columns = np.flatnonzero(near & (group != group[row]))
            ones.append(np.full(len(columns), row))
            twos.append(columns)
            waiting += len(columns)
            if waiting and (waiting >= _PAIRS or row == len(hashes) - 1):
                one, two = np.concatenate(ones), np.concatenate(twos)
                same = _correlations(faces, others, one, two) > SAME_PHOTOGRAPH
                group = _joined(group, one[same], two[same])
                ones, twos, waiting = [], [], 0
    starts = np.unique(group, return_index=True)[1]
    found: np.ndarray = rows[starts[group]][np.searchsorted(rows, first)]
    return found


def _joined(group: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Groups int64 (N,), counted from 0, after joining those of the rows and columns (P,)."""
    from scipy.sparse import csr_array  # commands that group no faces start without it
    from scipy.sparse.csgraph import connected_components

    edges = (np.ones(len(rows), bool), (group[rows], group[columns]))
    graph = csr_array(edges, shape=(len(group), len(group)))
    joined: np.ndarray = connected_components(graph, directed=False)[1][group]
    return joined


def perceptual_hash(faces: np.ndarray) -> np.ndarray:
    """Hash each face: 63 low frequencies of its cosine transform, 1 where above their median.

    Args:
        faces: uint8 or float32 (N, 48, 48).

    Returns:
        uint64 (N,).
    """
    grid = np.arange(_SIDE, dtype=np.float32) + 0.5
    waves = np.cos(np.pi / _SIDE * np.arange(_FREQUENCIES, dtype=np.float32)[:, None] * grid)
    waves[0] /= np.sqrt(2, dtype=np.float32)
    low = np.empty((len(faces), _FREQUENCIES**2 - 1), np.float32)
    for start in range(0, len(faces), _CHUNK):  # bounds the memory for floats
        part = slice(start, start + _CHUNK)
        found = waves @ faces[part].astype(np.float32) @ waves.T
        low[part] = found.reshape(len(found), _FREQUENCIES**2)[:, 1:]
    bits = low > np.median(low, axis=1, keepdims=True)
    packed = np.packbits(np.pad(bits, ((0, 0), (0, 1))), axis=1)
    hashes: np.ndarray = np.ascontiguousarray(packed).view(np.uint64)[:, 0]
    return hashes


def _candidates(hashes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pairs whose hashes differ in few bits, int64 (P,) each."""
    found = [np.flatnonzero(np.bitwise_count(one ^ others) <= _MOST_BITS) for one in hashes]
    rows = np.repeat(np.arange(len(hashes)), [len(each) for each in found])
    return rows, np.concatenate([np.empty(0, np.int64), *found])


def _correlations(
    faces: np.ndarray, others: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Largest correlation of each pair over shifts, float32 (P,); 0 without contrast."""
    best = np.zeros(len(rows), np.float32)
    inner = slice(_SHIFT, _SIDE - _SHIFT)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        one = faces[rows[part]].astype(np.float32)
        two = others[columns[part]].astype(np.float32)
        equal = (one == two).all(axis=(1, 2))  # also without contrast
        best[part] = np.where(equal, 1, (_standardised(one) * _standardised(two)).sum(axis=1))
        middle = _standardised(one[:, inner, inner])
        for down in range(2 * _SHIFT + 1):
            for right in range(2 * _SHIFT + 1):
                moved = two[:, down : down + inner.stop - inner.start]
                moved = moved[:, :, right : right + inner.stop - inner.start]
                found = (middle * _standardised(moved)).sum(axis=1)
                best[part] = np.maximum(best[part], found)
    return best


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """Grey faces of 48x48, uint8 (N, 48, 48)."""
    if images.shape[1:] == (_SIDE, _SIDE, 1):
        return images[..., 0]
    small = [
        np.asarray(_picture(image).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
        for image in images
    ]
    return np.array(small, np.uint8).reshape(-1, _SIDE, _SIDE)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L")


def _standardised(faces: np.ndarray) -> np.ndarray:
    """Faces (N, H, W) as rows of mean 0 and length 1, float32 (N, H * W); 0 without contrast."""
    rows = faces.reshape(len(faces), -1)
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    standardised: np.ndarray = centred / np.maximum(lengths, np.finfo(np.float32).eps)
    return np.where(lengths > 1e-2, standardised, 0)
