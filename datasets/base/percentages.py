"""How a share is written in percent: in the whole project halves round up, 92.5 to 93.

Python's own formatting rounds 92.5 to 92, and 14.5 to whichever side its binary digits lie on.
"""

from decimal import ROUND_HALF_UP, Decimal

_EXACT = 9
"""Decimals of a percentage beyond which binary digits are noise, not data."""
_LARGE = 1e9
"""Numbers from here on are written with an exponent, three digits of them."""


def in_percent(share: float, places: int = 0, *, signed: bool = False) -> str:
    """A share in percent without the sign, such as `93`; halves round away from 0.

    Args:
        share: 0.925 for 92.5 %; also a difference of shares, in points.
        places: decimals.
        signed: write `+` before what is not negative.

    Returns:
        Digits; `nan`, `inf` or `-inf` for what is none.
    """
    return rounded(100 * share, places, signed=signed)


def share_in_percent(share: float, places: int = 0) -> str:
    """A share in [0, 1] as `in_percent` writes it, but never as none or all unless it is: `>99.9`.

    Args:
        share: 0.9997, say.
        places: decimals.
    """
    smallest = 10.0**-places / 100
    shown = in_percent(share, places)
    if share > 0 and shown == in_percent(0, places):
        return f"<{in_percent(smallest, places)}"
    if share < 1 and shown == in_percent(1, places):
        return f">{in_percent(1 - smallest, places)}"
    return shown


def rounded(number: float, places: int, *, signed: bool = False) -> str:
    """A number with this many decimals, halves away from 0; a very large one as `1.23e+30`."""
    number = float(number)
    if not abs(number) < _LARGE:
        return f"{number:+.3g}" if signed else f"{number:.3g}"
    exact = Decimal(repr(round(number, _EXACT)))
    shown = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) + 0  # + 0: no "-0"
    return f"{shown:+f}" if signed else f"{shown:f}"
