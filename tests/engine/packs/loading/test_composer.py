from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.packs.loader import read_pack
from tests.engine.packs.layered_pack import SOUL, LayeredPack

if TYPE_CHECKING:
    from pathlib import Path


def test_a_layer_may_stand_in_a_file(demo: LayeredPack) -> None:
    demo.manifest("soul: {file: ./SOUL.yaml}\n")
    demo.write("demo/SOUL.yaml", SOUL)
    agent = demo.agent()
    assert agent.soul.identity.name == "Base"
    assert agent.soul.personality.verbosity == "balanced"
    (source,) = [source for source in agent.sources if source.layer == "soul"]
    assert (source.form, source.files) == ("file", ("profession-pack.yaml", "SOUL.yaml"))


def test_a_plain_file_reference_is_one_form_and_not_two(demo: LayeredPack) -> None:
    """The reference's schema lets `{file: ...}` match two branches of its `oneOf`, so it is invalid."""
    demo.manifest("soul: {file: SOUL.yaml}\nmemory: {short_term: {ttl: 1h}}\n")
    demo.write("demo/SOUL.yaml", SOUL)
    forms = {source.layer: source.form for source in demo.agent().sources}
    assert forms == {
        "soul": "file",
        "role": "inline",
        "tools": "default",
        "guardrails": "default",
        "memory": "inline",
        "workflow": "default",
    }


def test_extends_merges_mappings_and_replaces_lists_and_scalars(demo: LayeredPack) -> None:
    demo.manifest(
        """
        soul:
          extends: ../_shared/souls/professional.yaml
          override:
            identity: {name: Mine}
            principles: [One, Two, Three, Four]
        """
    )
    demo.write("_shared/souls/professional.yaml", SOUL)
    soul = demo.agent().soul
    assert (soul.identity.name, soul.identity.language) == ("Mine", "en")
    assert soul.principles == ("One", "Two", "Three", "Four")
    assert soul.personality.communication_style == "professional"


def test_an_override_that_is_still_empty_changes_nothing(demo: LayeredPack) -> None:
    demo.manifest("soul:\n  extends: ../_shared/base.yaml\n  override:\n")
    demo.write("_shared/base.yaml", SOUL)
    assert demo.agent().soul.identity.name == "Base"


def test_extends_goes_on_through_several_files(demo: LayeredPack) -> None:
    """The reference follows `extends` one level deep and takes the rest for fields."""
    demo.manifest("soul: {extends: ../_shared/a.yaml, override: {tone: {on_error: Calm}}}\n")
    demo.write("_shared/a.yaml", "extends: souls/b.yaml\noverride: {identity: {name: A}}\n")
    demo.write("_shared/souls/b.yaml", "extends: ../c.yaml\noverride: {personality: {verbosity: concise}}\n")
    demo.write("_shared/c.yaml", SOUL)
    agent = demo.agent()
    soul = agent.soul
    assert (soul.identity.name, soul.identity.language) == ("A", "en")
    assert (soul.personality.verbosity, soul.tone.on_error) == ("concise", "Calm")
    (source,) = [source for source in agent.sources if source.layer == "soul"]
    assert source.files == (
        "profession-pack.yaml",
        "../_shared/a.yaml",
        "../_shared/souls/b.yaml",
        "../_shared/c.yaml",
    )


def test_what_a_pack_is_composed_from_is_all_in_its_content(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/a.yaml}\nskills: [{file: SKILLS/x.md}]\n")
    demo.write("_shared/a.yaml", SOUL)
    skill = demo.write("demo/SKILLS/x.md", "---\nid: x\nname: X\ntrigger: Always\n---\nDo it.\n")
    content = demo.good().content
    assert sorted(content.files) == ["../_shared/a.yaml", "SKILLS/x.md", "profession-pack.yaml"]
    digest = content.digest
    demo.write("_shared/a.yaml", SOUL.replace("Base", "Other"))
    changed = demo.good().content.digest
    assert changed != digest
    skill.write_text(skill.read_text() + "Twice.\n")
    assert demo.good().content.digest not in {digest, changed}


def test_a_cycle_is_named_where_it_closes(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/a.yaml}\n")
    demo.write("_shared/a.yaml", "extends: b.yaml\n")
    demo.write("_shared/b.yaml", "# back again\nextends: ./a.yaml\n")
    problem = demo.problem()
    assert (problem.file, problem.line, problem.field) == ("../_shared/b.yaml", 2, "extends")
    assert "../_shared/a.yaml -> ../_shared/b.yaml -> ../_shared/a.yaml" in problem.message


def test_a_chain_without_end_is_refused(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/s0.yaml}\n")
    for number in range(40):
        demo.write(f"_shared/s{number}.yaml", f"extends: s{number + 1}.yaml\n")
    assert "too deeply" in demo.problem().message


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("/etc/passwd.yaml", "absolute"),
        ("~/x.yaml", "absolute"),
        ("../../outside.yaml", "outside the packs directories"),
        ("./../../outside.yaml", "outside the packs directories"),
        ("a/../../../outside.yaml", "outside the packs directories"),
        ("link.yaml", "outside the packs directories"),
        ("linked/outside.yaml", "outside the packs directories"),
        ("..\\\\outside.yaml", "backslash"),
        ("missing.yaml", "no such file"),
        ("dangling.yaml", "no such file"),
        ("circle.yaml", "cannot be read"),
        ("folder.yaml", "Is a directory"),
        ("../../nowhere.yaml", "outside the packs directories"),
        ("SOUL.txt", "must end in .yaml"),
        ("profession-pack.yaml", "cycle"),
    ],
)
@pytest.mark.parametrize("form", ["file", "extends"])
def test_no_reference_leaves_the_packs_directories(
    demo: LayeredPack, tmp_path: Path, form: str, written: str, words: str
) -> None:
    """The reference opens whatever the path leads to."""
    (tmp_path / "outside.yaml").write_text(SOUL)
    (demo.place / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (demo.place / "linked").symlink_to(tmp_path)
    (demo.place / "dangling.yaml").symlink_to("nothing.yaml")
    (demo.place / "circle.yaml").symlink_to("circle.yaml")
    (demo.place / "folder.yaml").mkdir()
    demo.manifest(f'soul: {{{form}: "{written}"}}\n')
    problem = demo.problem()
    assert (problem.file, problem.line, problem.field) == ("profession-pack.yaml", 6, f"soul.{form}")
    assert words in problem.message
    assert demo.load().agent is None


def test_a_link_within_the_packs_directories_is_followed(demo: LayeredPack) -> None:
    demo.write("_shared/s.yaml", SOUL)
    (demo.place / "SOUL.yaml").symlink_to("../_shared/s.yaml")
    demo.manifest("soul: {file: SOUL.yaml}\n")
    assert demo.agent().soul.identity.name == "Base"


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("soul: {file: a.yaml, extends: b.yaml}", 6, "soul.file", "cannot stand beside `extends`"),
        ("soul: {file: a.yaml, override: {}}", 6, "soul.override", "cannot stand beside `file`"),
        ("soul: {file: a.yaml, identity: {}}", 6, "soul.identity", "cannot stand beside `file`"),
        ("soul: {extends: a.yaml, overide: {}}", 6, "soul.overide", "did you mean `override`"),
        ("soul: {override: {}}", 6, "soul.override", "needs an `extends`"),
        ("soul: {extends: a.yaml, override: [1]}", 6, "soul.override", "expected a mapping"),
        ("soul: {file: 7}", 6, "soul.file", "expected a path"),
        ("soul: [a]", 6, "soul", "expected a mapping"),
        ("skills: {file: a.md}", 6, "skills", "expected a list"),
        ("skills: [a.md]", 6, "skills.0", "expected a mapping"),
    ],
)
def test_a_reference_has_exactly_one_form(
    demo: LayeredPack, text: str, line: int, field: str, words: str
) -> None:
    demo.manifest(text + "\n")
    problem = demo.problem()
    assert (problem.file, problem.line, problem.field) == ("profession-pack.yaml", line, field)
    assert words in problem.message


def test_a_missing_role_is_one_error_that_names_the_layer(demo: LayeredPack) -> None:
    """The reference takes the manifest and fails later, with a model's complaint about None."""
    demo.manifest("", role="")
    problem = demo.problem()
    assert problem.field == "role"
    assert "the layer `role` is missing" in problem.message
    assert demo.load().agent is None


def test_faults_stand_where_the_value_stands(demo: LayeredPack) -> None:
    demo.manifest(
        """
        soul:
          extends: ../_shared/base.yaml
          override:
            tone: {on_eror: Calm}
        """
    )
    demo.write("_shared/base.yaml", SOUL.replace("balanced", "chatty").replace("  - Be concise\n", ""))
    found = {(problem.file, problem.line, problem.field) for problem in demo.load().problems}
    assert found == {
        ("profession-pack.yaml", 10, "soul.override.tone.on_eror"),
        ("../_shared/base.yaml", 7, "personality.verbosity"),
        ("../_shared/base.yaml", 8, "principles"),
    }
    (typo,) = [problem for problem in demo.load().problems if "on_eror" in problem.field]
    assert "did you mean `on_error`?" in typo.message
    assert typo.expected == "one of default, on_success, on_error, on_uncertainty"


def test_an_override_may_mend_a_fault_of_its_base(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/base.yaml, override: {personality: {verbosity: concise}}}\n")
    demo.write("_shared/base.yaml", SOUL.replace("balanced", "chatty"))
    assert demo.agent().soul.personality.verbosity == "concise"


def test_every_fault_of_every_layer_is_told_at_once(demo: LayeredPack) -> None:
    demo.manifest(
        """
        soul: {identity: {name: A}}
        guardrails: {file: missing.yaml}
        memory: {short_term: {ttl: soon}}
        tools: {file: TOOLS.yaml}
        """,
        role="role: {title: T, domain: D, goal: {}}\n",
    )
    demo.write("demo/TOOLS.yaml", "available:\n  - id: a.b\n\tname: B\n")
    fields = {(problem.file, problem.field) for problem in demo.load().problems}
    assert fields == {
        ("profession-pack.yaml", "role.goal.primary"),
        ("profession-pack.yaml", "soul.identity.language"),
        ("profession-pack.yaml", "guardrails.file"),
        ("profession-pack.yaml", "memory.short_term.ttl"),
        ("TOOLS.yaml", ""),
    }


@pytest.mark.parametrize(("text", "words"), [("", "the file is empty"), ("- a\n", "expected a mapping")])
def test_a_layer_file_holds_a_mapping(demo: LayeredPack, text: str, words: str) -> None:
    demo.manifest("soul: {file: SOUL.yaml}\n")
    demo.write("demo/SOUL.yaml", text)
    problem = demo.problem()
    assert problem.file == "SOUL.yaml"
    assert words in problem.message


def test_a_broken_file_that_two_layers_share_is_told_once(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/x.yaml}\nmemory: {extends: ../_shared/x.yaml}\n")
    demo.write("_shared/x.yaml", "a: [\n")
    assert demo.problem().file == "../_shared/x.yaml"


def test_a_decimal_number_where_text_is_wanted_stays_as_written_through_a_merge(demo: LayeredPack) -> None:
    demo.manifest("soul: {extends: ../_shared/b.yaml, override: {tone: {default: 1.10}}}\n")
    demo.write("_shared/b.yaml", SOUL.replace('"1.0"', "1.0"))
    assert demo.agent().soul.tone.default == "1.10"


def test_tools_of_layers_must_exist_and_not_be_denied(demo: LayeredPack) -> None:
    demo.manifest(
        """
        tools:
          available:
            - {id: files.read, name: Read}
            - {id: files.raed, name: Typo}
            - {id: files.read, name: Again}
            - {id: git.log, name: Log}
          denied: [git.log]
        skills: [{id: s, name: S, trigger: T, required_tools: [nope]}]
        compatibility: {required_tools: [git.diff], required_memory: [episodic]}
        """
    )
    problems = demo.load({"files.read", "git.log"}).problems
    assert {(problem.field, problem.message.partition(" (did")[0]) for problem in problems} == {
        ("tools.available.1.id", "unknown tool `files.raed`"),
        ("tools.available.2.id", "the tool `files.read` is here twice (first on line 9)"),
        ("tools.available.3.id", "the tool `git.log` is both available and denied"),
        ("skills.0.required_tools.0", "unknown tool `nope`"),
        ("compatibility.required_tools.0", "the pack needs the tool `git.diff`, which is not here"),
        (
            "compatibility.required_memory.0",
            "the pack needs `episodic` memory, which is not available in this version",
        ),
    }


def test_handoffs_that_can_never_be_made_are_faults_and_unknown_packs_are_none(demo: LayeredPack) -> None:
    demo.manifest(
        """
        workflow:
          handoffs:
            - {target_agent: elsewhere, conditions: [Always]}
            - {target_agent: demo, conditions: [Never]}
            - {target_agent: "", conditions: [Never]}
            - {target_agent: elsewhere, conditions: [Sometimes]}
        """
    )
    pack = demo.load()
    assert [(problem.field, problem.line, problem.message) for problem in pack.problems] == [
        ("workflow.handoffs.1.target_agent", 10, "a pack does not hand off to itself: use a subflow"),
        ("workflow.handoffs.2.target_agent", 11, "`` is no id of a pack"),
        (
            "workflow.handoffs.3.target_agent",
            12,
            "the handoff to `elsewhere` is here twice (first on line 9): join their conditions",
        ),
    ]


@pytest.mark.parametrize(
    ("needs", "field", "words"),
    [
        ("{framework_min: 99.0.0}", "framework_min", "needs version 99.0.0 or later"),
        ("{framework_max: 0.0.9}", "framework_max", "needs version 0.0.9 or earlier"),
        ("{framework_min: newest}", "framework_min", "expected a version"),
        ("{required_memory: [eternal]}", "required_memory.0", "one of short_term"),
    ],
)
def test_what_a_pack_needs_and_does_not_get_is_named(
    demo: LayeredPack, needs: str, field: str, words: str
) -> None:
    demo.manifest(f"compatibility: {needs}\n")
    problem = demo.problem()
    assert problem.field == f"compatibility.{field}"
    assert words in problem.message


@pytest.mark.parametrize("version", ['"2.0"', '"0.9"', '"1.1"'])
def test_an_unknown_format_is_named_in_manifest_and_layers(demo: LayeredPack, version: str) -> None:
    demo.manifest(f"soul: {{schema_version: {version}}}\n")
    manifest = demo.place / "profession-pack.yaml"
    manifest.write_text(manifest.read_text().replace('schema_version: "1.0"', f"schema_version: {version}"))
    problems = demo.load().problems
    assert [problem.field for problem in problems] == ["schema_version", "soul.schema_version"]
    assert all("unknown version of the pack format" in problem.message for problem in problems)
    assert all(problem.expected == "one of 1.0" for problem in problems)


def test_names_with_bidi_overrides_are_refused(demo: LayeredPack) -> None:
    demo.manifest('name: "safe\\u202Elive"\n')
    assert "U+202E" in demo.problem().message
    demo.manifest('soul: {file: "a\u200b.yaml"}\n')
    assert "invisible or control" in demo.problem().message


def test_layers_outside_roots_are_refused_even_beside_the_pack(tmp_path: Path) -> None:
    demo = LayeredPack(tmp_path)
    demo.write("other/SOUL.yaml", SOUL)
    demo.manifest("soul: {file: ../other/SOUL.yaml}\n")
    alone = read_pack(demo.place)
    assert "outside the packs directories" in alone.problems[0].message
    assert read_pack(demo.place, roots=[demo.root]).problems == ()
