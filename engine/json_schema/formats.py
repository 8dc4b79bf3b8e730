"""Formats of texts, strictly as their standards have them; a format that is not here is only told."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from jsonschema import FormatChecker

from engine.safe_pattern import MAX_MATCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))", re.ASCII
)
_DURATION = re.compile(
    r"P(?:[0-9]+W|(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?)"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf'{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*"')
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:(?P<user>(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?(?=[/?#]|$)"
    rf")?(?P<path>(?:/|{_CHARACTER})*)(?:\?(?:[/?]|{_CHARACTER})*)?(?:\#(?:[/?]|{_CHARACTER})*)?"
)


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    try:
        date(year or 4, month, day)  # RFC 3339 has a year 0 (a leap year), Python has not
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    """A full time with its offset; second 60 only where a leap second can be: 23:59:60 UTC."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    hour, minute, second = (int(part) for part in found.groups()[:3])
    sign, hours, minutes = found.groups()[3:]
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    if hour > 23 or minute > 59 or second > 60 or (sign and (int(hours) > 23 or int(minutes) > 59)):
        return False
    return second < 60 or (hour * 60 + minute - offset) % 1440 == 23 * 60 + 59


def _is_moment(text: str) -> bool:
    return text[10:11] in {"T", "t"} and _is_date(text[:10]) and _is_time(text[11:])


def _is_ipv4(text: str) -> bool:
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False


def _is_ipv6(text: str) -> bool:
    try:
        return "%" not in text and bool(IPv6Address(text))
    except ValueError:
        return False


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64 or _LOCAL_PART.fullmatch(local) is None:
        return False
    if domain.startswith("[") and domain.endswith("]"):
        address = domain[1:-1]
        return _is_ipv6(address[5:]) if address[:5].lower() == "ipv6:" else _is_ipv4(address)
    return _is_hostname(domain)


def _is_uri(text: str) -> bool:
    found = _URI.fullmatch(text)
    if found is None:
        return False
    host = found["host"]
    if host is not None and host.startswith("["):
        return _is_ipv6(host[1:-1])
    return bool(host or found["path"])


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_moment,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "uri": _is_uri,
    "path": lambda text: text != "" and "\0" not in text,
}
"""The formats that are checked, each with its test of a text."""


def has_format(name: str, value: object) -> bool:
    """Whether `value` has the format; what is no text, and an unknown format, always has."""
    test = FORMATS.get(name)
    return test is None or not isinstance(value, str) or (len(value) <= MAX_MATCHED and test(value))


def format_checker() -> FormatChecker:
    """The formats as jsonschema asks for them."""
    checker = FormatChecker(formats=())
    for name in FORMATS:
        checker.checks(name)(lambda value, name=name: has_format(name, value))
    return checker
