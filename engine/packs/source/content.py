"""A pack's content: its files as text, pinned by one digest."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import PackInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "profession-pack.yaml"
CODE = "tools.py"
_CODE_PART = re.compile(r"tools_[a-z0-9_]{1,60}\.py\Z")
FLOWS = "flows"
_COMPILED = "__pycache__"
FLOW_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class PackContent:
    """Everything a run of this pack depends on; the journal keeps it so that runs can pin it.

    `files` maps POSIX paths, relative to the pack, to text with `\\n` newlines; a shared layer's begins
    with `../`. Nothing else is needed to compose the pack again. `version` is None when the manifest
    does not say it.
    """

    pack_id: str
    version: str | None
    digest: str
    files: Mapping[str, str]

    @property
    def own_files(self) -> tuple[str, ...]:
        """Manifest, code and flows, in the order they are loaded; layers are found through the manifest."""
        manifest = (MANIFEST,) if MANIFEST in self.files else ()
        inside = (
            name
            for name in self.files
            if posixpath.dirname(name) == FLOWS and not is_passed_over(posixpath.basename(name))
        )
        flows = sorted(name for name in inside if posixpath.splitext(name)[1] in FLOW_SUFFIXES)
        return (*manifest, *self.code, *flows)

    @property
    def code(self) -> Mapping[str, str]:
        """The pack's own code by file: `tools.py` first, then its parts; empty without a `tools.py`."""
        if CODE not in self.files:
            return {}
        return {name: self.files[name] for name in (CODE, *sorted(filter(is_code_part, self.files)))}

    def to_json(self) -> str:
        """Canonical JSON; the same content gives the same text."""
        document = {"pack_id": self.pack_id, "version": self.version, "files": dict(self.files)}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, digest: str) -> PackContent:
        """Read what `to_json` wrote of the content of that digest. Raises PackInvalid when it is something
        else."""
        try:
            document = json.loads(text)
            files = {str(path): str(body) for path, body in document["files"].items()}
            pack_id, version = document["pack_id"], document["version"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackInvalid(f"stored pack content cannot be read: {error}") from error
        if content_digest(files) != digest:
            raise PackInvalid("stored pack content is damaged: it is not what was stored", {"digest": digest})
        return cls(str(pack_id), version, digest, files)


def is_passed_over(name: str) -> bool:
    """Whether what has that name in a directory is not looked at, unless a layer names it."""
    # editors keep swap and lock files beside the file they edit, Python its compiled code
    return name.startswith((".", "#")) or name == _COMPILED


def is_code_part(name: str) -> bool:
    """Whether a file beside `tools.py` is a part of its code: `tools_<subject>.py`."""
    return _CODE_PART.match(name) is not None


def content_digest(files: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the sorted paths and texts; independent of newline style and BOM."""
    canonical = json.dumps(sorted(files.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
