"""Of which kind a change is: by the prefix of its subject, by its words, and by the packages it moves."""

from __future__ import annotations

import re

KINDS = {
    "breaking": "Breaking changes",
    "removed": "Removals and dropped support",
    "deprecated": "Deprecations",
    "security": "Security",
    "feature": "Features",
    "change": "Changes and improvements",
    "fix": "Fixes",
    "performance": "Performance",
    "documentation": "Documentation",
    "dependency": "Dependencies",
    "maintenance": "Maintenance",
    "revert": "Reverted",
    "other": "Other changes",
}
_TYPES = {
    "feature": "feat feature features feats new enh added add implement i18n ✨ 🎉 sparkles tada",
    "fix": "fix fixes fixed bugfix hotfix bug 🐛 🚑 🩹 ambulance adhesive_bandage",
    "performance": "perf performance speed ⚡ zap",
    "documentation": "docs doc documentation docstring 📝 💡 ✏ memo typo typos readme changelog",
    "maintenance": "build chore ci refactor style test tests testing tst maint dev rel release "
    "sty cleanup lint "
    "types typing internal infra misc infrastructure meta tooling wip bld benchmark bench typ 🔧 ♻ "
    "🎨 ✅ 🔖 👷 💚 🚨 🔥 🚚 "
    "recycle art white_check_mark bookmark wrench construction_worker rotating_light fire truck",
    "dependency": "deps dep dependencies ⬆ ⬇ 📌 arrow_up arrow_down",
    "security": "security sec 🔒 lock",
    "deprecated": "deprecate deprecated deprecation",
    "removed": "remove removed removal",
    "change": "change changed improve improvement update api ui ux style-ui enhancement tweak 💄 ♿ "
    "🚸 lipstick",
    "revert": "revert ⏪ rewind",
}
_KIND_OF_TYPE = {word: kind for kind, words in _TYPES.items() for word in words.split()}
_SCOPE_KINDS = {
    "documentation": {"docs", "doc", "readme", "documentation", "changelog", "typo", "website"},
    "maintenance": {
        "ci",
        "test",
        "tests",
        "build",
        "lint",
        "types",
        "workflow",
        "workflows",
        "release",
        "dev",
    },
    "dependency": {"deps", "deps-dev", "dependencies", "dependabot"},
}
_CONVENTIONAL = re.compile(
    r"(?:(?P<emoji>[:\w]*[^\w\s\[(#`\"'-]\ufe0f?|:\w+:)\s*)?"
    r"\[?(?P<type>[A-Za-z][A-Za-z0-9_-]{1,20})\]?(?:\((?P<scope>[^()]{0,60})\))?(?P<breaking>!)?\s?[:\]]\s*(?P<text>\S.*)"
)
_BRACKETED = re.compile(r"\[(?P<type>[A-Za-z][A-Za-z0-9_-]{1,20})\]\s*:?\s*(?P<text>\S.*)")
_EMOJI = re.compile(r"(?P<type>:[a-z0-9_]+:|[\u2190-\u2bff\U0001f300-\U0001faff])\ufe0f?\s*(?P<text>\S.*)")
_TICKET = re.compile(
    r"(?:(?:(?P<fixed>fix(?:e[sd])?|close[sd]?|resolve[sd]?)|refs?|see|re)\s+)?"
    r"(?:\[?(?:[A-Z][A-Z0-9]{1,9}-\d+|(?:gh|bpo|issue)-?\d+)\]?|#\d+(?:\s*,\s*#\d+)*)\s*(?:--|"
    r"[:\u2013-])?\s+(?P<text>\S.*)",
    re.I,
)
_AREA = re.compile(r"(?P<scope>[a-z][\w./,+-]{0,40}(?:\s?[/,]\s?[\w./-]{1,40})*): (?P<text>\S.*)", re.I)
NUMBER = re.compile(r"\s*\((?:#|!|pull request #|gh-|PR #?)(\d+)\)\s*\Z", re.I)

_INNER = re.compile(
    r"\b(unused|dead code|whitespace|redundant|trailing|leftover|duplicat\w*|unnecessary|unneeded|"
    r"useless|obsolete|stale|"
    r"debug\w*|flaky|pre-?commit|lint\w*|linter|mypy|ruff|flake8|black|isort|eslint|prettier|"
    r"codecov|coverage|"
    r"workflows?|github actions?|travis|appveyor|tox|nox|ci|tests?|testing|test suite|fixtures?|"
    r"benchmarks?|"
    r"type (hints?|annotations?)|typing|typecheck\w*|makefile|dockerfile|gitignore|editorconfig|"
    r"refactor\w*|"
    r"clean ?-?up|cleanups?|rename variables?|imports?|code style|formatting|reformat|version bump)\b",
    re.I,
)
_OF_DOCUMENTATION = re.compile(
    r"\b(docs?|documentation|docstrings?|readme\w*|changelog|change log|release notes?|typos?|"
    r"spelling|grammar|"
    r"misspell\w*|broken links?|dead links?|links? in|comments?|contributing|tutorials?|examples?|"
    r"authors file|"
    r"copyright|licen[sc]e (?:year|headers?)|wording)\b|\.(?:md|rst)\b",
    re.I,
)
_RELEASE = re.compile(
    r"(bump|set|update|increase|change)\s+(the\s+)?(package\s+|project\s+|dev\s+)?version\b|"
    r"prepar\w+ (for )?(the )?(next )?"
    r"(release|v?\d)|(release|version|tag|cut|bump( to)?)\s+v?\d[\w.+-]*$|v?\d+\.\d+[\w.+-]*$|"
    r"back to dev\w*|"
    r"(start|begin) (of )?(next )?(development|\d)|post[- ]release|\[?maven-release|next development",
    re.I,
)
_WORDS = (
    ("security", re.compile(r"\b(CVE-\d+|vulnerab\w*|security (fix|issue|hole)|XSS|CSRF|injection)\b", re.I)),
    ("deprecated", re.compile(r"^(deprecat\w*)\b|\bdeprecat(e|es|ed|ing)\b", re.I)),
    (
        "removed",
        re.compile(
            r"^(drop(s|ped|ping)?|remov(e|es|ed|ing)|delet(e|es|ed|ing)|discontinue\w*|end support)\b", re.I
        ),
    ),
    (
        "performance",
        re.compile(
            r"\b(faster|speed(s|ed|ing)?[- ]?ups?|speed up|perf(ormance)?|optimi[sz]\w*|cache results)\b",
            re.I,
        ),
    ),
    (
        "fix",
        re.compile(
            r"\b(fix(e[sd]|ing)?|bugs?|bugfix\w*|repair(s|ed)?|correct(s|ed|ly)?|resolve[sd]?|"
            r"regression|crash\w*|"
            r"work ?around|leak\w*|deadlock|race condition)\b|^(prevent|avoid|ensure|handle|guard|restore|"
            r"do not|don't|do n't|never|stop|no longer|properly|make sure|always|ignore|protect|"
            r"catch|check|revert to|escape|"
            r"raise|return|respect|honou?r|preserve|keep|close|reject|validate|silence|suppress|"
            r"tolerate|accept only)\b",
            re.I,
        ),
    ),
    (
        "feature",
        re.compile(
            r"^(add(s|ed|ing)?|implement(s|ed)?|introduc(e|es|ed)|support(s|ed)?|allow(s|ed|ing)?|"
            r"new|enabl(e|es|ed)|"
            r"expos(e|es|ed)|provid(e|es|ed)|creat(e|es|ed)|export|include|initial|permit|accept|"
            r"let|extend|offer|show|"
            r"teach|learn|register|define|log|print|report|emit|detect|recogni[sz]e|first|can now)\b",
            re.I,
        ),
    ),
    (
        "maintenance",
        re.compile(
            r"^(mov(e|es|ed)|split|extract|inline|simplif\w*|factor|reorgani[sz]e|tidy|merge|"
            r"regenerate|pin)\b",
            re.I,
        ),
    ),
    (
        "change",
        re.compile(
            r"^(improv\w*|enhanc\w*|updat\w*|chang\w*|us(e|es|ed|ing)\b|mak(e|es|ing)|switch\w*|"
            r"replac\w*|renam\w*|convert\w*|"
            r"rework|rewrite|adjust\w*|increas\w*|decreas\w*|reduc\w*|set|default|prefer|migrat\w*|"
            r"upgrad\w*|require\w*|"
            r"better|more|clarif\w*|tweak\w*|refine|modif\w*|unify|align|relax|raise the|lower|"
            r"limit|bump|modernize|adopt|"
            r"disable\w*|hide|skip|try|turn|apply|pass|call|put|store|read|write|treat|wrap|normali[sz]e|"
            r"consolidate|promote|restrict|tighten|loosen|generate|get|do|be|give|install|load|run|"
            r"start|send|parse)\b",
            re.I,
        ),
    ),
)
_BUMPS = (
    re.compile(
        r"(?:bump|update|upgrade|updates)s?\s+(?:the\s+)?(?:dependency\s+|requirements? for\s+|"
        r"module\s+|action\s+)?[`\"']?"
        r"(?P<package>@?[\w./@:-]+?)[`\"']?(?:\s+(?:action|requirement|docker tag|digest|monorepo))?"
        r"\s+from\s+[`\"']?(?P<first>[\^~<>=v]*\d[\w.+,<>=*-]*)[`\"']?\s+to\s+[`\"']?(?P<last>[\^~<>=v]*\d[\w.+,<>=*-]*)",
        re.I,
    ),
    re.compile(
        r"(?:bump|update|upgrade|pin)\s+(?:dependency\s+|module\s+|"
        r"action\s+)?[`\"']?(?P<package>@?[\w./@:-]+?)[`\"']?"
        r"(?:\s+(?:action|docker tag|digest|monorepo|package))?\s+(?:to|"
        r"@)\s+(?P<first>)[`\"']?(?P<last>v?\d[\w.+-]*)",
        re.I,
    ),
)
_GROUPED = re.compile(
    r"(?:bump|update) (?:the )?(?P<group>[\w./-]+)? ?group\b|pre-commit autoupdate|lock ?file maintenance|"
    r"(?:bump|update)s? (?:all |the |dev |python |npm )*(?:non-major )?dependenc(?:y|ies)",
    re.I,
)
_GROUP_LINE = re.compile(
    r"(?:Updates|Bumps)\s+`?(?:\[)?(?P<package>@?[\w./@:-]+?)(?:\]\([^)]*\))?`?\s+from\s+(?P<first>v?\d[\w.+-]*)\s+to\s+"
    r"(?P<last>v?\d[\w.+-]*)"
)
_NOT_A_PACKAGE = {
    "version",
    "versions",
    "release",
    "the",
    "copyright",
    "year",
    "license",
    "dev",
    "minimum",
    "python_requires",
}


def classify(subject: str) -> tuple[str, str | None, str]:
    """Kind, scope and words of a subject: its prefix first, then what its words say."""
    match = _CONVENTIONAL.match(subject)
    kind = _KIND_OF_TYPE.get(match["type"].lower()) if match else None
    if match and kind:
        scope, text = match["scope"], match["text"]
        return _refined(kind, scope, text), scope, text
    for pattern in (_BRACKETED, _EMOJI):
        match = pattern.match(subject)
        kind = _KIND_OF_TYPE.get(match["type"].strip(":").lower()) if match else None
        if match and kind:
            return _refined(kind, None, match["text"]), None, match["text"]
    match = _TICKET.match(subject)
    if match:
        kind, scope, text = _by_words(match["text"])
        return ("fix" if match["fixed"] and kind in {"other", "change"} else kind), scope, text
    return _by_words(subject)


def _refined(kind: str, scope: str | None, text: str) -> str:
    """A fix of the documentation is documentation, `chore(deps)` a dependency, and so on."""
    for name, scopes in _SCOPE_KINDS.items():
        if scope and scope.lower() in scopes:
            return name
    if kind == "fix" and (
        re.match(r"(?:an? |the |some |minor |small )*(typos?|spelling|grammar)\b", text, re.I)
        or re.search(r"\b(typos?|in (the )?(readme|docs|documentation|docstring|changelog))\b", text, re.I)
    ):
        return "documentation"
    if any(bump.match(text) for bump in _BUMPS) and _packages(text):
        return "dependency"
    if (
        kind in {"feature", "change", "fix"}
        and re.match(r"(drop|remove)\b", text, re.I)
        and not _INNER.search(text)
    ):
        return "removed"
    return kind


def _by_words(subject: str) -> tuple[str, str | None, str]:
    if _RELEASE.match(subject):
        return "maintenance", None, subject
    if _GROUPED.search(subject) or _packages(subject):
        return "dependency", None, subject
    match = _AREA.match(subject)
    scope, text = (match["scope"], match["text"]) if match else (None, subject)
    if scope and scope.lower().split("/")[-1] in {word for words in _SCOPE_KINDS.values() for word in words}:
        kind = next(name for name, words in _SCOPE_KINDS.items() if scope.lower().split("/")[-1] in words)
        return kind, scope, text
    if _OF_DOCUMENTATION.search(text) and not re.search(r"\b(crash|error|exception)\b", text, re.I):
        return "documentation", scope, text
    if _INNER.search(text):
        return "maintenance", scope, text
    kind = next((name for name, words in _WORDS if words.search(text)), "other")
    # `area: words` says where, and no word says what: a change there
    return ("change" if kind == "other" and scope else kind), scope, text


def _packages(text: str) -> list[dict[str, str]]:
    for pattern in _BUMPS:
        match = pattern.search(text)
        if match and match["package"].lower() not in _NOT_A_PACKAGE:
            return [{"package": match["package"], "first": match["first"], "last": match["last"]}]
    return []


def bumps_of(subject: str, body: str) -> list[dict[str, str]]:
    """Packages a commit moves, with the version before (may be empty) and after."""
    if _GROUPED.search(subject):
        found = [match.groupdict() for match in _GROUP_LINE.finditer(body)]
        if found:
            return found
    return _packages(subject)


def is_loud(subject: str) -> bool:
    """Whether a `!` before the colon says that it breaks something."""
    match = _CONVENTIONAL.match(subject)
    return bool(match and match["breaking"])
