"""Threat models: which perturbations are allowed, how large they are, how to project onto them.

Pixels are float32 in [0, 1] and eps is in that unit. Written in text as "8/255" for linf, as a
plain number for l2 and l1.
"""

import math
from enum import StrEnum

import numpy as np

from datasets.base.errors import InputError

TOLERANCE = 1e-6
"""Share of eps by which a stored perturbation may exceed eps (R2)."""


class Norm(StrEnum):
    """How the size of a perturbation is measured over all pixels and channels."""

    LINF = "linf"
    L2 = "l2"
    L1 = "l1"


def parse_norm(text: str) -> Norm:
    """Read a norm from the command line.

    Raises:
        InputError: no such norm.
    """
    try:
        return Norm(text)
    except ValueError:
        raise InputError(
            f"`norm` must be one of {', '.join(Norm)}; got {text!r}. Choose one of them."
        ) from None


def parse_eps(text: str) -> float:
    """Read one eps: "8/255", "0.5/255", "0.25".

    Raises:
        InputError: not a number or a fraction, negative, or not finite.
    """
    numerator, slash, denominator = text.partition("/")
    try:
        eps = float(numerator) / float(denominator) if slash else float(numerator)
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f"`eps` must be a number or a fraction; got {text!r}. Write it like 8/255 or 0.25."
        ) from None
    if not (math.isfinite(eps) and eps >= 0):
        raise InputError(
            f"`eps` must be finite and not negative; got {text!r}. Write it like 8/255 or 0.25."
        )
    return eps


def format_eps(eps: float) -> str:
    """Write eps as text: 0.25 when the decimal is short, else in 255ths: 0.5/255."""
    levels = round(eps * 255, 3)
    if float(f"{eps:.4g}") == eps or not math.isclose(levels / 255, eps, rel_tol=1e-9):
        return f"{eps:.10g}"
    return f"{levels:g}/255"


def exact_eps(eps: float) -> str:
    """Write eps so that `parse_eps` reads back the same number: 8/255, or all digits of 1/9."""
    text = format_eps(eps)
    return text if parse_eps(text) == eps else repr(float(eps))


def check_eps(eps: float, norm: Norm, dims: int | None = None) -> None:
    """Refuse an eps that the norm does not allow.

    Args:
        eps: radius, pixels in [0, 1].
        norm: linf allows [0, 1], l2 [0, sqrt(D)], l1 [0, D].
        dims: D, pixels times channels of an image; None when no image is known yet.

    Raises:
        InputError: it is outside, or not finite.
    """
    limits = {Norm.LINF: 1.0, Norm.L2: math.sqrt(dims or math.inf), Norm.L1: dims or math.inf}
    limit = limits[norm]
    if math.isfinite(eps) and 0 <= eps <= limit:
        return
    rule = f"in [0, {limit:g}]" if math.isfinite(limit) else "finite and at least 0"
    raise InputError(
        f"`eps` must be {rule} for {norm}; got {_written(eps)}. {_next_step(eps, norm, limit)}"
    )


def _written(eps: float) -> str:
    return format_eps(eps) if math.isfinite(eps) else f"{eps:g}"


def _next_step(eps: float, norm: Norm, limit: float) -> str:
    """What to do about an eps outside [0, limit], in a sentence."""
    if norm is not Norm.LINF:
        return f"Choose at most {limit:g}." if limit < eps < math.inf else "Choose one such as 1."
    if 1 < eps <= 255 and "/" not in _written(eps):  # who wrote 300/255 knows the unit
        return f"Pixels are in [0, 1]: did you mean {eps:g}/255?"
    return "Pixels are in [0, 1]: choose at most 255/255, such as 8/255."


def distance(a: np.ndarray, b: np.ndarray, norm: Norm) -> np.ndarray:
    """Size of the difference of two images, float64 (N,), from arrays (N, H, W, C)."""
    difference = np.abs(a.astype(np.float64) - b).reshape(len(a), math.prod(a.shape[1:]))
    if norm is Norm.LINF:
        return difference.max(axis=1, initial=0.0)
    if norm is Norm.L2:
        return np.sqrt(np.square(difference).sum(axis=1))
    return difference.sum(axis=1)


def project(
    images: np.ndarray, clean: np.ndarray, eps: float | np.ndarray, norm: Norm
) -> np.ndarray:
    """Project images onto the ball of radius eps around the clean ones and onto [0, 1].

    linf and l1 are exact projections onto the intersection. l2 scales onto the ball and then clips,
    which only shrinks the perturbation. Results are rounded so that the norm measured in float64
    never exceeds eps.

    Args:
        images: float (N, H, W, C).
        clean: float32 (N, H, W, C) in [0, 1].
        eps: radius, or one per image (N, 1, 1, 1).
        norm: norm of the ball.

    Returns:
        float32 (N, H, W, C).

    Raises:
        ValueError: a radius is negative or NaN.
    """
    if norm is Norm.LINF:
        return np.clip(images.astype(np.float32), *linf_limits(clean, eps))
    _check_radii(eps)
    delta = images.astype(np.float64) - clean
    if norm is Norm.L2:
        delta *= _shrink(np.sqrt(np.square(delta).sum(axis=(1, 2, 3), keepdims=True)), eps)
    else:
        flat = delta.reshape(len(delta), math.prod(delta.shape[1:]))
        room = np.where(flat > 0, 1.0 - clean.reshape(flat.shape), clean.reshape(flat.shape))
        radii = np.broadcast_to(np.reshape(eps, (-1,)), (len(flat),))
        sizes = l1_sizes(np.abs(flat), room, radii)
        delta = (np.sign(flat) * sizes).reshape(delta.shape)
    return round_towards(np.clip(clean + delta, 0.0, 1.0), clean)


def linf_limits(clean: np.ndarray, eps: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest pixels allowed under linf, float32 (N, H, W, C); see `project`.

    Clipping to them is the projection, so attacks on the same images compute them once.

    Raises:
        ValueError: a radius is negative or NaN.
    """
    _check_radii(eps)
    wide = clean.astype(np.float64)
    low, high = np.clip(wide - eps, 0.0, 1.0), np.clip(wide + eps, 0.0, 1.0)
    return round_towards(low, clean), round_towards(high, clean)


def _check_radii(eps: float | np.ndarray) -> None:
    """Refuse a ball without points: clipping to it would move every pixel by its radius."""
    if not np.all(np.asarray(eps) >= 0):
        raise ValueError(f"`eps` must be at least 0. Received: {np.min(eps)}")


def l1_sizes(wanted: np.ndarray, room: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """Sizes nearest to `wanted` that are at most `room` and sum to at most eps.

    They are min(max(wanted - t, 0), room), with the smallest t >= 0 for which the sum fits. The
    sum is linear in t between the points where a size meets 0 or its room, so those are sorted.

    Source: Croce & Hein 2021, arXiv 2103.01208, proposition 2.1.

    Args:
        wanted: float64 (N, D), at least 0.
        room: float64 (N, D), at least 0.
        eps: float64 (N,), at least 0.

    Returns:
        float64 (N, D).
    """
    sizes = np.minimum(wanted, room)
    over = np.flatnonzero(sizes.sum(axis=1) > eps)
    wanted, room, eps = wanted[over], room[over], eps[over]
    if not len(over):
        return sizes
    corners = np.concatenate([wanted, wanted - room], axis=1)
    order = np.argsort(-corners, axis=1)
    corners = np.take_along_axis(corners, order, axis=1)
    growing = np.cumsum(np.where(order < wanted.shape[1], 1, -1), axis=1)  # as t falls past each
    sums = np.cumsum(growing[:, :-1] * -np.diff(corners, axis=1), axis=1)
    reached = (sums < eps[:, None]).sum(axis=1)  # before the corner after this one
    rows, first = np.arange(len(over)), np.minimum(reached, sums.shape[1] - 1)
    before = np.where(first, sums[rows, first - 1], 0.0)
    threshold = corners[rows, first] - (eps - before) / np.maximum(growing[rows, first], 1)
    fitting = np.clip(wanted - threshold[:, None], 0.0, room)
    sizes[over] = fitting * _shrink(fitting.sum(axis=1), eps)[:, None]  # by no more than rounding
    return sizes


def round_towards(values: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Round float64 values to float32 without moving any of them further from `clean` float32."""
    rounded = values.astype(np.float32)
    further = np.abs(rounded - clean.astype(np.float64)) > np.abs(values - clean)
    return np.where(further, np.nextafter(rounded, clean), rounded)


def _shrink(lengths: np.ndarray, eps: float | np.ndarray) -> np.ndarray:
    return np.minimum(1.0, eps / np.maximum(lengths, np.finfo(np.float64).tiny))
