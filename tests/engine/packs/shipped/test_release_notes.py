"""Histories as people and forges make them, and the notes that a reader of the release wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.packs.shipped.commit_subjects_corpus import SUBJECTS

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.engine.packs.conftest import LoadTools

Commit = dict[str, Any]


@pytest.fixture
def tools(load_tools: LoadTools) -> ModuleType:
    return load_tools("repo-steward")


class History:
    """A history, written oldest first; `commits` gives it newest first, as git.log does."""

    def __init__(self) -> None:
        self._commits: list[Commit] = []
        self.head = ""

    def commit(
        self, subject: str, body: str = "", author: str = "Ada", parents: tuple[str, ...] | None = None
    ) -> str:
        """Adds a commit on the head, or on `parents`; gives its id."""
        sha = f"{len(self._commits) + 1:040x}"
        name = author.lower().replace(" ", ".")
        trailers = [
            dict(zip(("key", "value"), line.split(": ", 1), strict=True))
            for line in body.splitlines()
            if line.startswith(("Co-authored-by: ", "BREAKING CHANGE: "))
        ]
        self._commits.append(
            {
                "sha": sha,
                "parents": [one for one in (parents or (self.head,)) if one],
                "author": author,
                "email": f"{name}@example.org",
                "date": "2024-05-01T08:00:00.000000Z",
                "subject": subject,
                "body": body,
                "trailers": trailers,
            }
        )
        self.head = sha
        return sha

    def merge(self, subject: str, *side: str, body: str = "", author: str = "Ada") -> None:
        """Adds a branch with commits of these subjects, and the merge that brings it."""
        main = self.head
        for one in side:
            self.commit(one, author="Dora")
        self.commit(subject, body, author, parents=(main, self.head))

    @property
    def commits(self) -> list[Commit]:
        return list(reversed(self._commits))


def entries(tools: ModuleType, history: History) -> list[tuple[str, str, list[int]]]:
    """Kind, words and numbers of what the notes list."""
    found = tools.group_commits(history.commits, history.head)
    return [
        (group["kind"], entry["subject"], entry["numbers"])
        for group in found["groups"]
        for entry in group["entries"]
    ]


def draft(tools: ModuleType, history: History, **about: Any) -> str:
    found = tools.group_commits(history.commits, history.head, about.pop("earlier", None))
    text: str = tools.draft_notes(found, "v1", "v2", **about)["text"]
    return text


@pytest.mark.parametrize(("subject", "kind"), SUBJECTS)
def test_a_subject_stands_where_a_reader_looks_for_it(tools: ModuleType, subject: str, kind: str) -> None:
    history = History()
    history.commit(subject)
    assert [found for found, _, _ in entries(tools, history)] == [kind]


def test_a_merged_request_is_one_entry_and_its_commits_are_detail(tools: ModuleType) -> None:
    history = History()
    history.commit("Begin")
    history.merge("Merge pull request #7 from dora/x", "wip", "address review", body="Add a search\n\nLong.")
    assert ("feature", "Add a search", [7]) in entries(tools, history)
    assert len(entries(tools, history)) == 2
    assert "wip" not in draft(tools, history)
    assert "  - wip\n  - address review" in draft(tools, history, details=True).replace(
        "  - address review\n  - wip", "  - wip\n  - address review"
    )


@pytest.mark.parametrize(
    ("subject", "body", "number", "title"),
    [
        ("Merge pull request #12 from a/b", "Add x", 12, "Add x"),
        ("Merge pull request #12 from a/add-x", "", 12, "Add x"),
        ("Merge branch 'x' into 'main'", "Add x\n\nSee merge request group/project!34", 34, "Add x"),
        ("Merged in feature/x (pull request #5)", "Add x\n\nApproved-by: Bo", 5, "Add x"),
        ("Merged PR 88: Add x", "", 88, "Add x"),
        ("Add x (#9)", "", 9, "Add x"),
    ],
)
def test_requests_of_every_forge_are_known(
    tools: ModuleType, subject: str, body: str, number: int, title: str
) -> None:
    history = History()
    history.commit("chore: begin")
    history.merge(subject, "one", "two", body=body)
    assert ("feature", title, [number]) in entries(tools, history)


def test_a_plain_merge_is_no_entry_and_what_it_brought_is(tools: ModuleType) -> None:
    history = History()
    history.commit("chore: begin")
    history.merge("Merge branch 'topic'", "feat: one", "fix: two")
    assert [(kind, text) for kind, text, _ in entries(tools, history)] == [
        ("feature", "One"), ("fix", "Two"), ("maintenance", "Begin"),
    ]  # fmt: skip


def test_a_request_that_merged_requests_leaves_them_their_entries(tools: ModuleType) -> None:
    history = History()
    main = history.commit("chore: begin")
    history.merge("Merge pull request #2 from a/one", "x", body="feat: one")
    history.merge("Merge pull request #3 from a/two", "y", body="fix: two")
    history.commit("Merge pull request #4 from a/develop", "Release 2", parents=(main, history.head))
    assert {(kind, tuple(numbers)) for kind, _, numbers in entries(tools, history)} == {
        ("feature", (2,)), ("fix", (3,)), ("maintenance", ()),
    }  # fmt: skip


def test_a_squash_merge_has_its_number_and_no_suffix(tools: ModuleType) -> None:
    history = History()
    history.commit("feat(ui): keys (#123)")
    history.commit("Fix a crash (#12) (#34)")
    assert entries(tools, history) == [("feature", "keys", [123]), ("fix", "Fix a crash", [34, 12])]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ('Revert "Add a cache"', "This reverts commit {sha}."),
        ('Revert "Add a cache (#7)" (#8)', "Reverts a/b#7"),
        ('Revert "Add a cache (#7)"', ""),
        ("revert: Add a cache", "This reverts commit {sha}."),
        ("Revert caching", "This reverts commit {short}."),
    ],
)
def test_a_revert_cancels_what_it_reverts(tools: ModuleType, subject: str, body: str) -> None:
    history = History()
    history.commit("feat: stays")
    sha = history.commit("Add a cache (#7)")
    history.commit(subject, body.format(sha=sha, short=sha[:12] if sha[:12] != "0" * 12 else sha))
    assert entries(tools, history) == [("feature", "Stays", [])]
    assert "2 changes and reverts cancel each other" in tools.group_commits(history.commits)["words"]


def test_a_revert_of_a_revert_leaves_the_change(tools: ModuleType) -> None:
    history = History()
    history.commit("Add a cache")
    history.commit('Revert "Add a cache"')
    history.commit('Reapply "Add a cache"')
    assert entries(tools, history) == [("feature", "Add a cache", [])]


def test_a_revert_of_something_older_is_told(tools: ModuleType) -> None:
    history = History()
    history.commit('Revert "Add a cache"', "This reverts commit 1234567890abcdef.")
    assert entries(tools, history) == [("revert", "Add a cache", [])]


def test_packages_are_one_line_each_from_first_to_last(tools: ModuleType) -> None:
    history = History()
    history.commit("Bump requests from 2.30.0 to 2.31.0 (#1)", author="dependabot[bot]")
    history.commit("build(deps): bump Requests-Mock from 1 to 2 (#2)", author="dependabot[bot]")
    history.commit("Bump requests from 2.31.0 to 2.32.3 (#3)", author="dependabot[bot]")
    history.commit(
        "Bump the npm group with 2 updates (#4)",
        "Updates `left-pad` from 1.0.0 to 1.3.0\nUpdates `vue` from 3.0 to 3.4",
        "dependabot[bot]",
    )
    assert entries(tools, history) == [
        ("dependency", "`left-pad` 1.0.0 → 1.3.0", [4]),
        ("dependency", "`requests` 2.30.0 → 2.32.3", [1, 3]),
        ("dependency", "`Requests-Mock` 1 → 2", [2]),
        ("dependency", "`vue` 3.0 → 3.4", [4]),
    ]


def test_people_are_thanked_and_programs_are_not(tools: ModuleType) -> None:
    history = History()
    history.commit("feat: x", "Co-authored-by: Cy <cy@example.org>")
    history.commit("feat: y", "Co-authored-by: renovate[bot] <r@example.org>", "pre-commit-ci[bot]")
    history.commit("feat: z", author="github-actions")
    history.commit("feat: w", author="Abbot Bothwell")
    assert tools.group_commits(history.commits)["people"] == ["Abbot Bothwell", "Ada", "Cy"]


def test_new_contributors_are_those_who_wrote_nothing_before(tools: ModuleType) -> None:
    history = History()
    history.commit("feat: x", author="Ada")
    history.commit("fix: y (#5)", author="Bo")
    history.commit("fix: z (#6)", author="Bo")
    history.commit("fix: w", author="Cy Renamed")
    earlier = [
        {"name": "ada", "email": "a@example.org", "commits": 3},
        {"name": "Cy", "email": "cy.renamed@example.org", "commits": 1},
    ]
    assert "## New contributors\n\n- Bo (#5)\n\n" in draft(tools, history, earlier=earlier)


@pytest.mark.parametrize("subject", ["feat!: x", "fix(api)!: x"])
def test_what_breaks_comes_first(tools: ModuleType, subject: str) -> None:
    history = History()
    history.commit(subject)
    history.commit("chore: y", "BREAKING CHANGE: journals of 1.x are not read")
    history.commit("feat: z")
    kinds = [kind for kind, _, _ in entries(tools, history)]
    assert kinds == ["breaking", "breaking", "feature"]
    assert "  journals of 1.x are not read" in draft(tools, history)


def test_removals_are_named_as_candidates(tools: ModuleType) -> None:
    history = History()
    history.commit("Drop Python 3.8")
    history.commit("Remove unused import")
    found = tools.group_commits(history.commits)
    assert "removals that may break somebody: 1" in found["words"]
    assert entries(tools, history) == [
        ("removed", "Drop Python 3.8", []), ("maintenance", "Remove unused import", []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "commit", "request_", "span"),
    [
        ("https://github.com/a/b.git", "/commit/", "/pull/7", "https://github.com/a/b/compare/v1...v2"),
        ("git@github.com:a/b.git", "/commit/", "/pull/7", "https://github.com/a/b/compare/v1...v2"),
        ("ssh://git@gitlab.com/g/s/p.git", "/-/commit/", "/-/merge_requests/7",
         "https://gitlab.com/g/s/p/-/compare/v1...v2"),
        ("https://gitlab.example.org/g/p", "/-/commit/", "/-/merge_requests/7",
         "https://gitlab.example.org/g/p/-/compare/v1...v2"),
        ("https://codeberg.org/a/b", "/commit/", "/pulls/7", "https://codeberg.org/a/b/compare/v1...v2"),
        ("git@bitbucket.org:a/b.git", "/commits/", "/pull-requests/7",
         "https://bitbucket.org/a/b/branches/compare/v2..v1"),
    ],
)  # fmt: skip
def test_links_lead_to_a_known_forge(
    tools: ModuleType, origin: str, commit: str, request_: str, span: str
) -> None:
    history = History()
    sha = history.commit("feat: x")
    history.commit("feat: y (#7)")
    text = draft(tools, history, origin=origin)
    assert f"{commit}{sha})" in text
    assert f"[#7](https://{span.split('/')[2]}" in text
    assert request_ in text
    assert f"**All changes**: {span}" in text


@pytest.mark.parametrize("origin", [None, "/srv/git/x.git", "https://git.example.org/a/b", "file:///x", ""])
def test_an_unknown_place_makes_no_links(tools: ModuleType, origin: str | None) -> None:
    history = History()
    history.commit("feat: x (#7)")
    assert "](" not in draft(tools, history, origin=origin)


def test_words_of_strangers_stay_words(tools: ModuleType) -> None:
    history = History()
    history.commit(
        "fix: \x1b[31mred\x1b[0m <script>x</script> ![p](http://x) `a[0]` __init__", author="B\n# E"
    )
    text = draft(tools, history)
    assert "- Red \\<script\\>x\\</script\\> !\\[p\\](http://x) `a[0]` \\_\\_init\\_\\_ (" in text
    assert "\nB # E\n" in text


def test_the_notes_have_a_date_and_a_version(tools: ModuleType) -> None:
    history = History()
    history.commit("feat: x")
    text = draft(tools, history, version="2.0", date="2024-05-01T08:00:00.000000Z")
    assert text.startswith("# 2.0 (2024-05-01)\n")
    assert "No changes." in tools.draft_notes(tools.group_commits([]), "v1", "v2")["text"]


def test_a_changelog_takes_the_section_and_keeps_what_is_in_it(tools: ModuleType, tmp_path: Path) -> None:
    history = History()
    history.commit("feat: x")
    history.commit("fix: y")
    history.commit("docs: z")
    about = {
        "style": "changelog",
        "version": "2.0.0",
        "date": "2024-05-01",
        "origin": "git@github.com:a/b.git",
    }
    found = tools.group_commits(history.commits)
    section = tools.draft_notes(found, "v1", "v2", **about)
    assert section["words"].startswith("1 entries of documentation")
    file = tmp_path / "CHANGELOG.md"
    file.write_text(
        "# Changelog\n\nWords.\n\n## [Unreleased]\n\n- soon\n\n## [1.0.0] - 2023-01-01\n\n- old\n"
    )
    placed = tools.place_notes(section["text"], str(file), "changelog")["text"]
    heads = [line for line in placed.splitlines() if line.startswith("## ")]
    assert heads == ["## [Unreleased]", "## [2.0.0] - 2024-05-01", "## [1.0.0] - 2023-01-01"]
    assert "### Added\n\n- X ([" in placed
    assert placed.endswith("[2.0.0]: https://github.com/a/b/compare/v1...v2\n")
    file.write_text(placed)
    assert tools.place_notes(section["text"], str(file), "changelog")["text"] == placed
    new = tools.place_notes(section["text"], str(tmp_path / "none.md"), "changelog")["text"]
    assert new.startswith("# Changelog\n")


def test_a_long_history_is_grouped_whole_and_soon(tools: ModuleType) -> None:
    history = History()
    history.commit("chore: begin")
    for number in range(3_250):
        history.merge(
            f"Merge pull request #{number} from a/b",
            "one",
            "two",
            "three",
            body=f"feat: number {number} of a history so long that no form takes its notes",
        )
    found = tools.group_commits(history.commits, history.head)
    assert (found["total"], found["entries"]) == (13_001, 3_251)
    assert tools.draft_notes(found, "v1", "v2")["editable"] is False


def test_a_file_is_split_at_the_nearest_directory_that_exists(tools: ModuleType, tmp_path: Path) -> None:
    located = tools.locate(str(tmp_path / "a" / "b.md"))
    assert located == {"root": str(tmp_path), "path": "a/b.md"}
    for bad in ("b.md", str(tmp_path)):
        with pytest.raises(ValueError):
            tools.locate(bad)


def test_a_trailer_of_any_length_is_read_at_once(tools: ModuleType) -> None:
    history = History()
    history.commit("feat: x", f"Co-authored-by: Cy{' ' * 300_000}cy@example.org")
    history.commit("feat: y", "Co-authored-by: Dee Dow \t <dee@example.org>")
    assert tools.group_commits(history.commits)["people"] == ["Ada", "Dee Dow"]
