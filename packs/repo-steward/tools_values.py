"""Whether a value beside a secret's name is a secret, and not a name, a word, a reference or a type."""

from __future__ import annotations

import math
import re
from collections import Counter

_MIN_ENTROPY_BITS = 4.3
_REFERENCE = re.compile(
    r"[$%@]|[<{(\[]|.*(?:\$\{|\{\{|\$\(|<%|%\(|\}\}|\(\)|\[['\"])|(?:os|process|env|self|this|"
    r"config|settings|secrets?|vars?|"
    r"local|data|module|params?|args|props|ctx|context|request|req|options|opts|cls|app|conf|kwargs|"
    r"input|values|state|user|"
    r"response|res|result|event|payload|body|form|session|credentials?|auth|client|parent|node|item|"
    r"obj)[.\[(]|"
    r"(?:ENC|encrypted|vault|sops|ssm|arn|env|file|ref|secret|sealed|op|aws|gcp|azurekv|"
    r"keyvault)[:\[(]|!|\*+$|/[a-z~]|~/|\./|"
    r"[A-Za-z]:\\|(?:https?|file|s3|gs)://|&[a-z]|-{3,}|#",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"(?:x{3,}|\.{3,}|-+|_+|0+|\?+|\*+|change[-_ ]?(?:me|this|it)?\w*|replace[-_ ]?\w*|(?:example|"
    r"placeholder|redacted|removed|"
    r"masked|hidden|dummy|fake|sample|todo|fixme|tbd|foo|bar|foobar|none|null|nil|true|false|"
    r"undefined|empty|blank|default|"
    r"required|optional|string|str|bytes|int|integer|number|text|object|array|any|bool|boolean|char|"
    r"unknown|disabled|enabled|"
    r"password|passwd|passphrase|passcode|pass|pwd|pw|user:pass|secret|token|username|user|value|"
    r"prompt|auto|generate[d]?|yes|no|on|off|inherit|"
    r"basic|bearer|oauth2?|jwt|plain|plaintext|ask|stdin|missing|invalid|valid|wrong|expired|never|"
    r"always|write|read|admin_only|"
    r"env|variable|vault|keychain|optional\W.*|required\W.*|current|new|old)s?)\Z"
    r"|.*(?:your|my[-_](?:super[-_])?secret\Z|insert|enter|<|put)[-_ ]?(?:own|api|secret|pass|token|"
    r"key|password|here|real|value|github|the|a)\b"
    r"|.*(?:_here|-here|goes[-_ ]here)\Z|.*(?:placeholder|change[-_]?me|redacted|xxxx|\*\*\*\*|\.\.\.)",
    re.I,
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_. :/][A-Za-z]+)*[.:!?]?\Z")
_CAPITALIZED = re.compile(r"[A-Z\u00c0-\uffff][a-z\u00c0-\uffff]+\Z")
_CODE = re.compile(
    r"(?i)\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|vue|svelte|go|java|kt|kts|scala|groovy|gradle|rb|php|c|"
    r"h|cc|cpp|hpp|cs|fs|vb|rs|swift|"
    r"m|mm|dart|lua|pl|pm|r|jl|ex|exs|erl|hs|ml|clj|sql|css|scss|less|proto|graphql|ipynb|html?|"
    r"jinja2?|j2|erb|tmpl|jsonc?|"
    r"toml|xml|svg|xsd|tf|hcl|lock|sum|po|pot|strings|arb|ftl)$"
)
_PROSE = re.compile(
    r"(?i)\.(?:md|mdx|rst|txt|adoc|tex|log|diff|patch|org|textile|csv|tsv)$|(?:^|/)(?:README|"
    r"CHANGELOG|CHANGES|HISTORY|NEWS|METADATA|PKG-INFO|LICENSE|AUTHORS|CONTRIBUTING)[^/]*$"
)
_WORDING = re.compile(
    r"(?i)(?:^|/)(?:locales?|i18n|l10n|lang|translations?|messages?)(?:/|[._-])|\.(?:po|pot|strings|"
    r"arb|ftl)$"
)
LOCK = re.compile(
    r"(?i)(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.ya?ml|yarn\.lock|bun\.lockb?|"
    r"go\.(?:sum|mod)|cargo\.lock|"
    r"poetry\.lock|pdm\.lock|uv\.lock|pipfile\.lock|composer\.lock|gemfile\.lock|mix\.lock|"
    r"flake\.lock|pubspec\.lock|podfile\.lock|"
    r"packages\.lock\.json|requirements[^/]*\.(?:txt|lock)|[^/]*\.lock|[^/]*checksums?[^/]*|"
    r"[^/]*\.sha\d+(?:sums?)?|[^/]*SUMS)$"
)


def is_reference(value: str) -> bool:
    """Whether it names where the secret is, or computes it."""
    return bool(_REFERENCE.match(value))


def is_secret_value(value: str, path: str, *, quoted: bool) -> bool:
    """Whether a value beside a secret's name is one, and not a name, a word, a reference or a type."""
    text = value.strip()
    if is_reference(text) or _PLACEHOLDER.match(text) or len(set(text)) < 3:
        return False
    if text.isdigit() and len(text) < 6:
        return False
    if (
        quoted
        and " " in text
        and (_WORDS.match(text) or text.count(" ") > 3 or re.search(r"[,.:;!?] |[.:?!]$", text))
    ):
        return False
    if _WORDING.search(path) and not re.search(r"\d", text):
        return False
    is_config = not _CODE.search(path) and not _PROSE.search(path)
    if is_config:
        return len(text) >= 4
    if len(text) < 6 or (
        _WORDS.match(text)
        and (re.search(r"[-_. :/]", text) or _CAPITALIZED.match(text) or _PROSE.search(path))
    ):
        return False
    if _WORDS.match(text):  # one word in code: camelCase is a name, a long lower-case word may be a password
        return text.islower() and len(text) >= 10
    return not re.fullmatch(r"[a-z]+(?:[-_.][a-z]+)*[-_.]?v?\d{1,2}", text) or (
        len(text) >= 10 and not re.search(r"[-_.]", text)
    )


def is_random(token: str) -> bool:
    """Mixed case and digits, and as many bits a character as random text has; hashes in hex are not."""
    kinds = (str.isupper, str.islower, str.isdigit)
    if not all(any(kind(char) for char in token) for kind in kinds) or token.count("/") > 3:
        return False
    if re.search(r"[A-Za-z]{12,}", token) and not re.search(r"[a-z][A-Z][a-z]?[A-Z]|[A-Z][a-z][A-Z]", token):
        return False  # long words in a row: a path, a name
    if sum(char in "-_/" for char in token) > len(token) / 6:
        return False
    counts = Counter(token).values()
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts) >= _MIN_ENTROPY_BITS


def is_placeholder(value: str) -> bool:
    """Whether it only stands where a secret will be."""
    return bool(_PLACEHOLDER.match(value))


def is_words(value: str) -> bool:
    """Whether it consists of words."""
    return bool(_WORDS.match(value))


def is_code(path: str) -> bool:
    """Whether values without quotes are expressions in a file of that name."""
    return bool(_CODE.search(path))
