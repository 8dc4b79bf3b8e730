"""How well a text color can be read on a background: the contrast ratio of WCAG 2.2."""

from __future__ import annotations

BACKGROUNDS = ("background", "surface", "panel", "cursor", "cursor-blurred")
"""What texts stand on."""

LEAST = 4.5
"""What WCAG asks of text of normal size (level AA)."""

_STEPS = 20

Rgb = tuple[float, float, float]


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white). Colors are `#rrggbb` or `#rgb`."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """`one` with a share (0 to 1) of `other` in it."""
    parts = (a + (b - a) * share for a, b in zip(_rgb(one), _rgb(other), strict=True))
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def legible(color: str, *backgrounds: str, dark: bool) -> str:
    """The color itself, or the nearest lighter (dark theme) or darker one that can be read on all of them."""
    end = "#ffffff" if dark else "#000000"
    for step in range(_STEPS + 1):
        candidate = mixed(color, end, step / _STEPS)
        if all(contrast(candidate, background) >= LEAST for background in backgrounds):
            return candidate
    return end


def _luminance(color: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(color: str) -> Rgb:
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4))
    return red, green, blue
