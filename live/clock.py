"""How a time of a session or a clip is written: rounded first, so that no minute has 60 seconds."""


def clock(seconds: float, places: int = 1) -> str:
    """Minutes and seconds, such as `1:02.5`; from an hour on `1:00:02.5`.

    Args:
        seconds: not negative.
        places: decimals of the seconds, halves to even.
    """
    units = 10**places
    whole, part = divmod(round(seconds * units), units)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    begin = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{begin}:{rest:02d}" + (f".{part:0{places}d}" if places else "")


def end_of_axis(seconds: float) -> str:
    """A time with its unit: `2.4 s` below a minute, then `1:02 min`, then `1:00:02 h`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    return f"{clock(seconds, 0)} {'h' if round(seconds) >= 3600 else 'min'}"
