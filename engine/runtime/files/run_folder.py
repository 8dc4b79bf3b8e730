"""The folder of one run, `{input,runtime,output}`, while it is written.

All methods are synchronous and block on the disk: call them in a thread. Every write is atomic. They
raise Unavailable (`disk_full`, `read_only`), and InvalidInput for content from outside that is not usable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.runtime.files.file_names import candidates, content_type, role, safe_name, unique_name
from engine.runtime.files.folder_access import (
    is_there,
    measure,
    names_in,
    open_below,
    read_chunks,
    read_inside,
    storage_errors,
)
from engine.safe_files.removing import remove_tree
from engine.safe_files.writing import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

RESPONSE = "response.json"
RESPONSE_VERSION = "1.0"
ANSWERS = ("runtime", "user_input")
"""Where the answers to forms lie."""
_INPUT_FILES = ("input.json", "handoff.json", "messages.json", "comments.json", "attachments.json")
_DESCRIBED = ("role", "content_type", "copy_of")
_DESCRIPTIONS_FILE = ".files.json"
"""What tools said of the files they brought: a folder keeps no roles by itself."""
_EFFECTS = "effects"
"""Where command.run keeps what it has shown and not done."""
MOST_COPIES = 50
"""Every file of a folder is read again when one is added."""
_ROLES = ("primary", "interactive", "supporting")


class RunFolder:
    """The folder of one run at `path`, open as `descriptor`, which was reached without following a link.

    Files that tools bring and attachments are synced to the disk. Documents repeat what the journal
    holds, so they are only written atomically.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def write_input(
        self,
        payload: Mapping[str, Any],
        sources: Sequence[Path] = (),
        *,
        handoff: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep the start payload, its attachments and what a handoff told; False when they are there."""
        with self._directory("input") as directory:
            if is_there(directory, "input.json"):
                return False
            if sources or isinstance(payload.get("files"), list):
                self._attach(directory, payload, sources)
            for name in ("messages", "comments"):
                if isinstance(payload.get(name), list):
                    self._write_json(directory, f"{name}.json", payload[name])
            if handoff is not None:
                self._write_json(directory, "handoff.json", handoff)
            self._write_json(directory, "input.json", payload)  # last: it says that the rest is there
        return True

    def _attach(self, directory: int, payload: Mapping[str, Any], sources: Sequence[Path]) -> None:
        """Copy `sources` and list them in attachments.json; files only named are listed as references."""
        taken = set(_INPUT_FILES)
        listed: list[dict[str, Any]] = []
        brought: set[str] = set()
        for index, source in enumerate(sources):
            stored = unique_name(safe_name(source.name, index), taken)
            try:
                size, digest = write_atomically(directory, stored, read_chunks(source), fsync=True)
            except (FileNotFoundError, PermissionError, IsADirectoryError):  # gone meanwhile: a reference
                continue
            taken.add(stored.lower())
            brought.add(source.name)
            listed.append(_attachment(source.name, stored, size, digest))
        missing = (name for name in _referenced(payload) if name not in brought)
        listed.extend(_attachment(name, None, None, None) for name in missing)
        self._write_json(directory, "attachments.json", listed)

    def write_comments(self, comments: Sequence[Mapping[str, Any]]) -> None:
        """Write what operators said (comment, decision, step_id, by, ts) after the payload's comments."""
        with self._directory("input") as directory:
            said = _json_list(read_inside(directory, "comments.json"), self.path)
            added = [dict(comment) for comment in comments if comment not in said]
            if added:
                self._write_json(directory, "comments.json", [*said, *added])

    def write_answer(self, form_id: str, request_id: str, payload: Mapping[str, Any]) -> Path:
        """Keep an answered form under `runtime/user_input`; a form asked twice has two files."""
        name = f"{safe_name(form_id, 0)}.{safe_name(request_id, 0)}.json"
        with self._directory(*ANSWERS) as directory:
            self._write_json(directory, name, payload)
        return self.path.joinpath(*ANSWERS, name)

    def write_output_files(
        self, files: Sequence[Mapping[str, Any]], *, copies: bool = False
    ) -> list[dict[str, Any]]:
        """Store `{name, content_base64, role?, content_type?}`; all are checked before the first write.

        A name that is taken gets a number before it, unless the same content is stored there already: a
        step that runs again after a crash leaves its files once. With `copies` a file may be a copy of what
        was written at `copy_of`; it is left out once there are MOST_COPIES files. Raises InvalidInput for bad
        base64.
        """
        contents = [_decoded(index, item) for index, item in enumerate(files)]
        stored: list[dict[str, Any]] = []
        with self._directory("output") as directory:
            there = {entry["stored_name"].lower(): entry["sha256"] for entry in output_files(directory)}
            taken = {name.lower() for name in (*names_in(directory), RESPONSE)}
            for index, (item, content) in enumerate(zip(files, contents, strict=True)):
                copy_of = item.get("copy_of") if copies else None
                if copy_of and len(taken) >= MOST_COPIES:
                    continue
                name = str(item["name"])
                digest = hashlib.sha256(content).hexdigest()
                stored_name = _free_name(safe_name(name, index), digest, taken, there)
                if there.pop(stored_name.lower(), None) is None:
                    write_atomically(directory, stored_name, (content,), fsync=True)
                taken.add(stored_name.lower())
                entry = _file_entry(name, stored_name, len(content), digest)
                entry["role"] = item.get("role") or entry["role"]
                entry["content_type"] = item.get("content_type") or entry["content_type"]
                if copy_of:
                    entry["copy_of"] = str(copy_of)
                stored.append(entry)
            described = {
                entry["stored_name"]: {key: entry[key] for key in _DESCRIBED if key in entry}
                for entry in stored
            }
            self._write_json(directory, _DESCRIPTIONS_FILE, {**_descriptions(directory), **described})
        return stored

    def write_response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        """Write the response document with the list of output files; `{"path", "sha256", "files"}`.

        What commands would have changed, and nobody approved, is thrown away.
        """
        self._throw_away_effects()
        with self._directory("output") as directory:
            files = output_files(directory)
            document = {"response_version": RESPONSE_VERSION, **response, "files": files}
            _, digest = self._write_json(directory, RESPONSE, document)
        return {"path": str(self.path / "output" / RESPONSE), "sha256": digest, "files": files}

    def _throw_away_effects(self) -> None:
        with (
            storage_errors(self.path, ("runtime",)),
            suppress(FileNotFoundError),
            open_below(self._descriptor, ("runtime",), create=False) as directory,
            suppress(OSError),  # as far as the file system lets us
        ):
            remove_tree(_EFFECTS, directory)

    @contextmanager
    def _directory(self, *below: str) -> Iterator[int]:
        with storage_errors(self.path, below), open_below(self._descriptor, below) as directory:
            yield directory

    def _write_json(self, directory: int, name: str, value: Any) -> tuple[int, str]:
        from pydantic_core import to_json  # noqa: PLC0415 - whoever lists files writes none

        content = to_json(value, indent=2)  # the standard library takes ten times as long, holding the GIL
        return write_atomically(directory, name, (content,), fsync=False)


def _free_name(name: str, digest: str, taken: AbstractSet[str], there: Mapping[str, str]) -> str:
    """The name, with a number where it is taken by another content than that of `digest`."""
    return next(
        candidate
        for candidate in candidates(name)
        if candidate.lower() not in taken or there.get(candidate.lower()) == digest
    )


def _referenced(payload: Mapping[str, Any]) -> Iterator[str]:
    files = payload.get("files")
    for item in files if isinstance(files, list) else ():
        name = (item.get("name") or item.get("file_name")) if isinstance(item, Mapping) else None
        if isinstance(name, str) and name.strip():
            yield name.strip()


def _attachment(name: str, stored: str | None, size: int | None, digest: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "stored_name": stored,
        "content_type": content_type(name),
        "size": size,
        "sha256": digest,
        "source": "upload" if stored else "ref",
        "ref": None if stored else name,
    }


def _file_entry(name: str, stored: str, size: int, digest: str) -> dict[str, Any]:
    return {
        "name": name,
        "stored_name": stored,
        "role": role(stored),
        "content_type": content_type(stored),
        "size": size,
        "sha256": digest,
    }


def output_files(directory: int) -> list[dict[str, Any]]:
    """What lies in an open folder of outputs: name, role, content type, size and sha256."""
    found: list[dict[str, Any]] = []
    names = names_in(directory)
    described = _descriptions(directory) if _DESCRIPTIONS_FILE in names else {}
    for name in names:
        measured = None if name == RESPONSE or name.startswith(".") else measure(directory, name)
        if measured is not None:
            found.append({**_file_entry(name, name, *measured), **described.get(name, {})})
    return found


def _descriptions(directory: int) -> dict[str, dict[str, str]]:
    """What tools said of their files, by stored name; nothing when it cannot be read any more."""
    try:
        described = json.loads(read_inside(directory, _DESCRIPTIONS_FILE) or b"{}")
    except (ValueError, RecursionError, OSError):
        return {}
    if not isinstance(described, dict):
        return {}
    return {
        name: {key: item[key] for key in _DESCRIBED if isinstance(item.get(key), str)}
        for name, item in described.items()
        if isinstance(item, dict)
    }


def _decoded(index: int, item: Mapping[str, Any]) -> bytes:
    name, content = item.get("name"), item.get("content_base64")
    if not isinstance(name, str) or not name.strip() or not isinstance(content, str):
        raise InvalidInput(f"output file {index + 1} needs a `name` and its `content_base64`")
    given = item.get("role")
    if given is not None and given not in _ROLES:
        raise InvalidInput(f"output file {name[:80]!r}: the role must be one of {', '.join(_ROLES)}")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"output file {name[:80]!r}: its content is not base64") from None


def _json_list(raw: bytes | None, folder: Path) -> list[Any]:
    if raw is None:
        return []
    try:
        loaded = json.loads(raw)
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, list):
        raise InvalidInput(f"{folder}/input/comments.json is not a list; repair or remove it")
    return loaded
