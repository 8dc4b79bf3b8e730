"""Loading one pack: manifest, layers and flows as contracts, and every problem of every file at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import FLOW_PREFIX
from engine.contracts.flows.flow import FlowDef
from engine.contracts.packs.pack import PackManifest, Problem
from engine.contracts.status import Risk
from engine.governance.policies import tool_key
from engine.packs.checks.agent_flows import agent_flow_problems
from engine.packs.checks.flow_rules import check_flow
from engine.packs.checks.flow_shape import default_id, sequences
from engine.packs.checks.schemas.json_schema import input_schema_problems
from engine.packs.checks.schemas.schema_problems import problem_at, shown, validate
from engine.packs.checks.step_types import checks_of
from engine.packs.checks.tool_rules import layer_problems
from engine.packs.code import code_tools
from engine.packs.layers.agent_layers import compile_sops, compose_layers
from engine.packs.layers.layer_rules import compatibility_problems, skill_choice_problems
from engine.packs.loaded_pack import LoadedPack, SubflowReference
from engine.packs.source.content import CODE, MANIFEST, PackContent, content_digest, is_code_part
from engine.packs.source.directory import PackDirectory, path_text
from engine.packs.source.pack_files import MISSING, PackFiles, Unreadable
from engine.packs.source.yaml_source import SourceDocument

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.packs.layers.agent_layers import AgentLayers
    from engine.packs.loaded_pack import PackSource
    from engine.packs.source.yaml_source import Document


AGENT = "agent"


def read_pack(
    directory: Path,
    *,
    source: PackSource = "home",
    tool_names: Collection[str] | None = None,
    roots: Sequence[Path] = (),
) -> LoadedPack:
    """Load a pack from its directory (blocking). `tool_names` None leaves tool names unchecked.

    Layers may stand in the directory, in `_shared` beside it and in `roots`, nowhere else.
    """
    place = PackDirectory(directory, roots)
    own_files, problems = place.own_files()
    files = PackFiles(place.read)
    loading = _Loading(files, path_text(Path(os.path.realpath(directory)).name), tool_names)
    loading.load(own_files)
    loading.problems[:0] = problems
    texts = files.texts
    content = PackContent(loading.pack_id, loading.version, content_digest(texts), texts)
    return replace(loading.loaded(content, source), apart=place.apart)


def load_content(
    content: PackContent, *, source: PackSource = "home", tool_names: Collection[str] | None = None
) -> LoadedPack:
    """Load a pack from content that was read before, such as what a run pinned."""
    files = PackFiles(lambda name: content.files.get(name, MISSING))
    loading = _Loading(files, content.pack_id, tool_names)
    loading.load(content.own_files)
    return loading.loaded(content, source)


class _Loading:
    """One pass over a pack's files, gathering what loads and what does not."""

    def __init__(self, files: PackFiles, pack_id: str, tool_names: Collection[str] | None) -> None:
        self._files = files
        self._tool_names = tool_names
        self._flow_files: dict[str, str] = {}
        self._layers: AgentLayers | None = None
        self._sops: set[str] = set()
        self._named = False
        self.pack_id = pack_id
        self.version: str | None = None
        self.manifest: PackManifest | None = None
        self.flows: dict[str, FlowDef] = {}
        self.problems: list[Problem] = []
        self.subflows: list[SubflowReference] = []
        self._run_by_agents: list[tuple[SubflowReference, str]] = []

    def load(self, own_files: Sequence[str]) -> None:
        manifest = self._document(MANIFEST) if MANIFEST in own_files else None
        if manifest is not None:
            self._load_manifest(manifest)
        if CODE in own_files:
            self._load_code([CODE, *filter(is_code_part, own_files)])
        if manifest is not None:
            self._load_layers(manifest)
        for file in own_files:
            if file not in {MANIFEST, CODE} and not is_code_part(file):
                self._load_flow(file)
        layer = self._layers.tools if self._layers is not None else None
        offered = [tool_key(tool.id) for tool in layer.available] if layer is not None else []
        self.problems += agent_flow_problems(self.flows, self._run_by_agents, offered)

    def loaded(self, content: PackContent, source: PackSource) -> LoadedPack:
        """What was gathered."""
        agent = self._layers.agent(self.manifest) if self._layers and self.manifest else None
        return LoadedPack(
            content=content,
            manifest=self.manifest,
            flows=self.flows,
            problems=tuple(self.problems),
            source=source,
            named=self._named,
            subflows=tuple(self.subflows),
            agent=agent,
            flow_files=self._flow_files,
            sops=frozenset(self._sops),
            not_in_force=tuple(self._layers.not_in_force) if self._layers else (),
        )

    def _load_manifest(self, document: SourceDocument) -> None:
        self.manifest, problems = validate(PackManifest, document.value, document)
        self.problems += problems
        named, version = document.value.get("pack_id"), document.value.get("version")
        if isinstance(named, str) and named:
            self.pack_id, self._named = named, True
        self.version = version if isinstance(version, str) else None
        if f"{self.pack_id}." == FLOW_PREFIX:
            message = "`flow` names flows that agents run as tools (`flow.<id>`): give the pack another id"
            self.problems.append(problem_at(document, ("pack_id",), message, found=self.pack_id))

    def _load_layers(self, document: SourceDocument) -> None:
        layers = self._layers = compose_layers(document, self._files, self._tool_names)
        self.problems += layers.problems
        if self.manifest is not None:
            self.problems += compatibility_problems(self.manifest, document, self._tool_names)
        for sop in compile_sops(layers, self.manifest.risk_level if self.manifest else Risk.MEDIUM):
            self.problems += sop.problems
            if self._taken(sop.document, sop.id):
                continue
            self._flow_files[sop.id] = sop.document.place(("steps",)).file
            if not sop.problems:
                self._sops.add(sop.id)
                self._add_flow(sop.document, sop.document.value)

    def _load_code(self, files: Sequence[str]) -> None:
        texts = {file: self._text(file) for file in files}
        code = {file: text for file, text in texts.items() if text is not None}
        if CODE not in code:
            return
        own, problems = code_tools(self.pack_id, code)
        self.problems += problems
        if self._tool_names is not None:
            # while the code cannot be read, its names are not known: one problem is enough
            for name in sorted(own.keys() & set(self._tool_names)):
                message = f"`{name}` is a built-in tool's name: give the pack another id"
                self.problems.append(Problem(file=CODE, line=1, column=1, message=message, found=name))
            schemas = self._tool_names if isinstance(self._tool_names, Mapping) else {}
            known = {name: schemas.get(name) for name in self._tool_names}
            self._tool_names = None if problems else {**known, **own}

    def _load_flow(self, file: str) -> None:
        document = self._document(file)
        if document is None:
            return
        raw, document = self._normalized(document)
        flow_id = raw.get("id")
        taken = isinstance(flow_id, str) and self._taken(document, flow_id)
        flow = self._checked(document, raw)
        if self._layers is not None and self._layers.tools is not None:
            self.problems += layer_problems(document, self._layers.tools)
        if self._layers is not None and not self._layers.broken:
            self.problems += skill_choice_problems(document, [skill for skill, _ in self._layers.skills])
        if isinstance(flow_id, str) and not taken:
            self._flow_files[flow_id] = file
            self._gather_subflows(document, flow_id)
            if flow is not None:
                self.flows[flow_id] = flow

    def _add_flow(self, document: Document, raw: dict[str, Any]) -> None:
        flow = self._checked(document, raw)
        if flow is not None:
            self.flows[flow.id] = flow

    def _checked(self, document: Document, raw: dict[str, Any]) -> FlowDef | None:
        """The flow, when its schema holds; every fault is noted in the order of the file."""
        flow, problems = validate(FlowDef, raw, document)
        problems += check_flow(document, self._tool_names)
        schema = document.value.get("input")
        if isinstance(schema, dict) and schema:
            problems += input_schema_problems(document, schema)
        self.problems += sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        return flow

    def _taken(self, document: Document, flow_id: str) -> bool:
        """Whether another file has a flow of that id, which is then noted."""
        if flow_id not in self._flow_files:
            return False
        message = f"the flow id `{flow_id[:80]}` is used by {self._flow_files[flow_id]} already"
        self.problems.append(problem_at(document, ("id",), message, found=shown(flow_id)))
        return True

    def _text(self, file: str) -> str | None:
        text = self._files.text(file)
        if isinstance(text, str):
            return text
        self._unreadable(file, text)
        return None

    def _unreadable(self, file: str, fault: Problem | Unreadable) -> None:
        if isinstance(fault, Unreadable):
            message = f"the file cannot be read: {fault.reason}"
            fault = Problem(file=file, line=1, column=1, message=message)
        self.problems.append(fault)

    def _document(self, file: str) -> SourceDocument | None:
        """The file's document when it is a mapping."""
        document = self._files.document(file)
        if not isinstance(document, SourceDocument):
            self._unreadable(file, document)
            return None
        if isinstance(document.value, dict):
            return document
        empty = document.value is None
        message = "the file is empty" if empty else f"expected a mapping, found {shown(document.value)}"
        self.problems.append(problem_at(document, (), message, expected="a mapping"))
        return None

    def _normalized(self, document: SourceDocument) -> tuple[dict[str, Any], SourceDocument]:
        """A copy in which `name` became `id` and every step has its id; the file's values stay as read."""
        # JSON keeps no aliases: two steps that share an anchor become two
        raw: dict[str, Any] = json.loads(json.dumps(document.value))
        if "name" in raw and "id" in raw:
            message = "`name` is another word for `id`: keep one of them"
            self.problems.append(problem_at(document, ("name",), message))
            del raw["name"]
        elif "name" in raw:
            raw["id"] = raw.pop("name")
            document = _with_name_as_id(document)
        for sequence in sequences(raw):
            for index, node in enumerate(sequence.nodes):
                if isinstance(node.raw, dict) and node.raw:
                    node.raw.setdefault("id", default_id(index))
        return raw, document

    def _gather_subflows(self, document: SourceDocument, flow_id: str) -> None:
        for sequence in sequences(document.value):
            for node in sequence.nodes:
                for place, target in checks_of(node).flows(node):
                    path = (*node.path, *place)
                    line, column = document.position(path)
                    name = ".".join(map(str, path))
                    reference = SubflowReference(flow_id, target, document.file, line, column, name)
                    self.subflows.append(reference)
                    if node.type == AGENT:
                        self._run_by_agents.append((reference, node.id))


def _with_name_as_id(document: SourceDocument) -> SourceDocument:
    written = dict(document.written)
    if ("name",) in written:
        written["id",] = written["name",]
    positions = {**document.positions, ("id",): document.position(("name",))}
    return replace(document, positions=positions, written=written)
