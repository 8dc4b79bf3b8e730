"""Skills of packs: front matter and text, shared and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.packs.layered_pack import LayeredPack

SKILL = """\
---
id: review
name: Review
description: Looks at a change
trigger: "When asked to review"
required_tools: [git.diff]
risk_level: medium
estimated_duration: 5-15min
---

# Review

1. Read it.
"""


def test_skills_are_front_matter_and_text(demo: LayeredPack) -> None:
    demo.manifest("skills:\n  - file: ./SKILLS/review.md\n")
    demo.write("demo/SKILLS/review.md", SKILL)
    (skill,) = demo.agent().skills
    assert (skill.id, skill.risk_level, skill.required_tools) == ("review", "medium", ("git.diff",))
    assert skill.estimated_duration == "5-15min"
    assert skill.body == "# Review\n\n1. Read it."


def test_skills_may_be_shared_and_changed(demo: LayeredPack) -> None:
    demo.manifest(
        """
        skills:
          - extends: ../_shared/skills/review.md
            override: {name: Our review}
          - file: SKILLS/strict.md
          - {id: plain, name: Plain, trigger: Always, body: Do it.}
        """
    )
    demo.write("_shared/skills/review.md", SKILL)
    strict = "---\nextends: ../../_shared/skills/review.md\noverride: {id: strict}\n---\nBe strict.\n"
    demo.write("demo/SKILLS/strict.md", strict)
    ours, strictly, plain = demo.agent().skills
    assert (ours.id, ours.name, ours.body) == ("review", "Our review", "# Review\n\n1. Read it.")
    assert (strictly.id, strictly.name, strictly.body) == ("strict", "Review", "Be strict.")
    assert plain.body == "Do it."


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("# Review\n", 1, "", "front matter"),
        ("", 1, "", "front matter"),
        ("---\nid: x\n", 1, "", "does not end"),
        ("---\nid: [\n---\n", 3, "", "not valid YAML"),
        ("---\n- a\n---\n", 2, "", "not a mapping"),
        ("---\nid: x\nname: X\nbody: y\ntrigger: z\n---\n", 4, "body", "remove the field"),
        ("---\nid: x\nname: X\ntriger: z\ntrigger: y\n---\n", 4, "triger", "did you mean `trigger`"),
        ("---\nid: a b\nname: X\ntrigger: z\n---\n", 2, "id", "letters"),
        ("---\nid: x\nname: X\n---\nwords\n", 2, "trigger", "required"),
    ],
)
def test_a_broken_skill_names_its_line(
    demo: LayeredPack, text: str, line: int, field: str, words: str
) -> None:
    demo.manifest("skills: [{file: x.md}]\n")
    demo.write("demo/x.md", text)
    problem = demo.problem()
    assert (problem.file, problem.line, problem.field) == ("x.md", line, field)
    assert words in problem.message


def test_two_skills_of_one_id_are_a_fault(demo: LayeredPack) -> None:
    demo.manifest("skills: [{file: a.md}, {file: b.md}]\n")
    demo.write("demo/a.md", SKILL)
    demo.write("demo/b.md", SKILL)
    problem = demo.problem()
    assert (problem.file, problem.line, problem.field) == ("b.md", 2, "id")
    assert "used by a.md already" in problem.message
