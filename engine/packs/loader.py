"""Loading one pack: its manifest and flows as contracts, and every problem of every file at once."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts.flow import FlowDef
from engine.contracts.pack import PackManifest, Problem
from engine.packs.code import code_tools
from engine.packs.content import CODE, MANIFEST, PackContent, content_digest, read_files
from engine.packs.flow_rules import check_flow
from engine.packs.graph import default_id, sequences
from engine.packs.json_schema import input_schema_problems
from engine.packs.schema_problems import problem_at, shown, validate
from engine.packs.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

PackSource = Literal["shipped", "home"]


@dataclass(frozen=True, slots=True)
class SubflowReference:
    """A subflow step: in which flow, what it names, and where that stands."""

    flow: str
    target: str
    file: str
    line: int
    column: int
    field: str

    def problem(self, message: str) -> Problem:
        """A Problem at this reference."""
        return Problem(
            file=self.file,
            line=self.line,
            column=self.column,
            field=self.field,
            message=message,
            found=self.target,
        )


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack as far as it could be read; it may start runs only when there are no problems."""

    content: PackContent
    manifest: PackManifest | None
    flows: Mapping[str, FlowDef]
    problems: tuple[Problem, ...]
    source: PackSource
    subflows: tuple[SubflowReference, ...] = ()

    @property
    def pack_id(self) -> str:
        """The manifest's id, or the directory's name while the manifest has none."""
        return self.content.pack_id

    @property
    def version(self) -> str:
        """The manifest's version; `0.0.0` while the manifest has none."""
        return self.content.version or "0.0.0"

    @property
    def has_code(self) -> bool:
        """Whether the pack brings a `tools.py`."""
        return CODE in self.content.files

    @property
    def code_trusted(self) -> bool:
        """Whether its code may run: shipped packs are trusted by the release, no others yet."""
        return self.source == "shipped" or not self.has_code


def read_pack(
    directory: Path, *, source: PackSource = "home", tool_names: Collection[str] | None = None
) -> LoadedPack:
    """Load a pack from its directory (blocking). `tool_names` None leaves tool names unchecked."""
    files, problems = read_files(directory)
    manifest = _manifest_value(files)
    pack_id, version = manifest.get("pack_id"), manifest.get("version")
    content = PackContent(
        pack_id if isinstance(pack_id, str) and pack_id else directory.resolve().name,
        version if isinstance(version, str) else None,
        content_digest(files),
        files,
    )
    pack = load_content(content, source=source, tool_names=tool_names)
    return replace(pack, problems=(*problems, *pack.problems))


def load_content(
    content: PackContent, *, source: PackSource = "home", tool_names: Collection[str] | None = None
) -> LoadedPack:
    """Load a pack from content that was read before, such as what a run pinned."""
    loading = _Loading(content, tool_names)
    loading.load()
    return LoadedPack(
        content,
        loading.manifest,
        loading.flows,
        tuple(loading.problems),
        source,
        tuple(loading.subflows),
    )


def _manifest_value(files: Mapping[str, str]) -> dict[str, Any]:
    document = parse_document(files.get(MANIFEST, ""), MANIFEST)
    if isinstance(document, Problem) or not isinstance(document.value, dict):
        return {}
    return document.value


class _Loading:
    """One pass over a pack's files, gathering what loads and what does not."""

    def __init__(self, content: PackContent, tool_names: Collection[str] | None) -> None:
        self._content = content
        self._tool_names = tool_names
        self._flow_files: dict[str, str] = {}
        self.manifest: PackManifest | None = None
        self.flows: dict[str, FlowDef] = {}
        self.problems: list[Problem] = []
        self.subflows: list[SubflowReference] = []

    def load(self) -> None:
        files = self._content.files
        if MANIFEST in files:
            self._load_manifest(files[MANIFEST])
        if CODE in files:
            self._load_code(files[CODE])
        for file in sorted(files):
            if file not in {MANIFEST, CODE}:
                self._load_flow(file, files[file])

    def _load_manifest(self, text: str) -> None:
        document = self._document(text, MANIFEST)
        if document is not None:
            raw = copy.deepcopy(document.value)
            self.manifest, problems = validate(PackManifest, raw, document, MANIFEST)
            self.problems += problems

    def _load_code(self, source: str) -> None:
        own, problems = code_tools(self._content.pack_id, source)
        self.problems += problems
        if self._tool_names is not None:
            # while the code cannot be read, its names are not known: one problem is enough
            for name in sorted(own.intersection(self._tool_names)):
                message = f"`{name}` is a built-in tool's name: give the pack another id"
                self.problems.append(Problem(file=CODE, line=1, column=1, message=message, found=name))
            self._tool_names = None if problems else {*self._tool_names, *own}

    def _load_flow(self, file: str, text: str) -> None:
        document = self._document(text, file)
        if document is None:
            return
        raw, document = self._normalized(document, file)
        flow, problems = validate(FlowDef, raw, document, file)
        problems += check_flow(document, file, self._tool_names)
        schema = document.value.get("input")
        if isinstance(schema, dict):
            problems += input_schema_problems(document, file, schema)
        self.problems += sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        flow_id = raw.get("id")
        if not isinstance(flow_id, str):
            return
        if flow_id in self._flow_files:
            message = f"the flow id `{flow_id[:80]}` is used by {self._flow_files[flow_id]} already"
            self.problems.append(problem_at(document, file, ("id",), message, found=shown(flow_id)))
            return
        self._flow_files[flow_id] = file
        self._gather_subflows(document, file, flow_id)
        if flow is not None:
            self.flows[flow_id] = flow

    def _document(self, text: str, file: str) -> SourceDocument | None:
        """The file's document when it is a mapping."""
        document = parse_document(text, file)
        if isinstance(document, Problem):
            self.problems.append(document)
            return None
        if isinstance(document.value, dict):
            return document
        empty = document.value is None
        message = "the file is empty" if empty else f"expected a mapping, found {shown(document.value)}"
        self.problems.append(problem_at(document, file, (), message, expected="a mapping"))
        return None

    def _normalized(self, document: SourceDocument, file: str) -> tuple[dict[str, Any], SourceDocument]:
        """A copy in which `name` became `id` and every step has its id; the file's values stay as read."""
        # JSON keeps no aliases: two steps that share an anchor become two
        raw: dict[str, Any] = json.loads(json.dumps(document.value))
        if "name" in raw and "id" in raw:
            message = "`name` is another word for `id`: keep one of them"
            self.problems.append(problem_at(document, file, ("name",), message))
            del raw["name"]
        elif "name" in raw:
            raw["id"] = raw.pop("name")
            document = _with_name_as_id(document)
        for sequence in sequences(raw):
            for index, node in enumerate(sequence.nodes):
                if isinstance(node.raw, dict) and node.raw:
                    node.raw.setdefault("id", default_id(index))
        return raw, document

    def _gather_subflows(self, document: SourceDocument, file: str, flow_id: str) -> None:
        for sequence in sequences(document.value):
            for node in sequence.nodes:
                target = node.text("subflow")
                if node.type == "subflow" and target:
                    path = (*node.path, "subflow")
                    line, column = document.position(path)
                    field = ".".join(map(str, path))
                    self.subflows.append(SubflowReference(flow_id, target, file, line, column, field))


def _with_name_as_id(document: SourceDocument) -> SourceDocument:
    written = dict(document.written)
    if ("name",) in written:
        written["id",] = written["name",]
    positions = {**document.positions, ("id",): document.position(("name",))}
    return replace(document, positions=positions, written=written)
