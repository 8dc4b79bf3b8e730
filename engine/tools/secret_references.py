"""Secrets at the tool's door: references are resolved going in, values are struck out coming back."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from engine.contracts.masks import STRUCK_OUT
from engine.images import from_base64
from engine.tools.failure import invalid_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFERENCE = "$secret"
_OF_A_HEADER = re.compile(r"(bearer|basic|token|apikey) +(\S+)", re.IGNORECASE)
"""A secret that is the whole of a header: servers tell the token in it by itself."""
_CONTENT = "content_base64"
_SHORTEST_LINE = 6
"""Characters of a line that is struck out by itself: shorter ones, as `}`, are in every text."""


def names_a_secret(value: Any) -> bool:
    """Whether a JSON value holds a reference, at any depth."""
    if isinstance(value, dict):
        return _REFERENCE in value or any(map(names_a_secret, value.values()))
    return isinstance(value, list) and any(map(names_a_secret, value))


def resolve_references(value: Any, lookup: Callable[[str], str | None], used: set[str]) -> Any:
    """A copy of `value` with each `{"$secret": "NAME"}` replaced; the values go into `used`.

    Raises ToolFailure(invalid_input) naming a secret that is not known.
    """
    if isinstance(value, dict):
        if _REFERENCE in value:
            return _resolve(value, lookup, used)
        return {key: resolve_references(item, lookup, used) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_references(item, lookup, used) for item in value]
    return value


def _resolve(reference: dict[str, Any], lookup: Callable[[str], str | None], used: set[str]) -> str:
    name = reference[_REFERENCE]
    if not isinstance(name, str) or len(reference) != 1:
        raise invalid_input('a secret is named as {"$secret": "NAME"} and nothing else')
    secret = lookup(name)
    if secret is None:
        raise invalid_input(f"secret {name!r} is not known here; add it to the secrets file")
    used.add(secret)
    return secret


def _told_alone(secret: str) -> Iterator[str]:
    """The parts of a secret that are told by themselves: each of several lines, the token of a header, and
    what its `Basic` has encoded.
    """
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE)
    found = _OF_A_HEADER.fullmatch(secret)
    if found is None:
        return
    scheme, token = found.groups()
    yield token
    if scheme.lower() == "basic":
        try:
            opened = b64decode(token + "=" * (-len(token) % 4), validate=True)
        except ValueError:  # nothing that a server could decode
            return
        try:
            text = opened.decode()
        except UnicodeDecodeError:
            text = opened.decode("latin-1")
        name, _, password = text.partition(":")
        yield text
        yield password or name  # a key is often sent as the name, without a password


def _forms_of(secret: str) -> set[str]:
    """As it stands, and as JSON, reprs, URLs, web forms and HTML have it."""
    from html import escape  # noqa: PLC0415 - most calls have no secrets

    in_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    in_urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    in_html = {escape(secret), escape(secret, quote=False)}
    slashed = {text.replace("/", "\\/") for text in in_json}
    return {secret, repr(secret)[1:-1], *in_json, *slashed, *in_urls, *in_html}


class Redaction:
    """Strikes out the secrets of one call, also in the forms they take elsewhere."""

    def __init__(self, secrets: set[str]) -> None:
        forms: set[str] = set()
        for secret in secrets.union(*map(_told_alone, secrets)):
            forms |= _forms_of(secret)
        # the longest first, so that a form inside another leaves no rest of the longer one
        self._forms = sorted(forms - {""}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """`text` without any secret."""
        for form in self._forms:
            text = text.replace(form, STRUCK_OUT)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value without any secret in its strings and keys, in files that it brings, or as one of its
        numbers."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(key): self._content(item) if key == _CONTENT else self.value(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and json.dumps(value) in self._forms:
            return STRUCK_OUT
        return value

    def _content(self, encoded: Any) -> Any:
        """What a file holds, in base64."""
        content = from_base64(encoded) if isinstance(encoded, str) else None
        if content is None:
            return self.value(encoded)
        struck = content
        for form in self._forms:
            struck = struck.replace(form.encode(), STRUCK_OUT.encode())
        return encoded if struck == content else b64encode(struck).decode()
