"""Durations and offsets as people read them."""

from __future__ import annotations


def duration_text(nanoseconds: int) -> str:
    """``30 s``, ``0.1 s``, ``1 h 40 min``: as much as there is to say."""
    if nanoseconds < 0:
        return f"-{duration_text(-nanoseconds)}"
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}".rstrip("0").rstrip(".") if rest >= 1_000 else ""
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    if seconds or fraction or not parts:
        parts.append(f"{seconds}{fraction} s")
    return " ".join(parts)


def offset_text(nanoseconds: int) -> str:
    """``+0:00:30``, ``+3d 0:00:00.100``."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("+", nanoseconds)
    seconds, rest = divmod(left, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}" if rest >= 1_000 else ""
    if fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{sign}{f'{days}d ' if days else ''}{hours}:{minutes:02d}:{seconds:02d}{fraction}"
