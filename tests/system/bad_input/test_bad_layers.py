"""Layer files and manifests that are wrong in every way a disk can hold: named with their place, once each.

No traceback, no terminal byte, and no other pack suffers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.conftest import Vasini

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.warm_command import WarmCommand

pytestmark = pytest.mark.system

HEAD = 'schema_version: "1.0"\npack_id: odd\nversion: 1.0.0\nauthor: {name: Tests}\n'
ROLE = "role: {title: Tester, domain: Tests, goal: {primary: Be read}}\n"
SOUL = "identity: {name: A, language: en}\n"
LAYER = HEAD + ROLE + "soul: {file: SOUL.yaml}\n"
BILLION = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

# what SOUL.yaml holds -> line, words
TEXTS: dict[str, tuple[bytes, int, str]] = {
    "billion laughs": (BILLION.encode(), 6, "too many"),
    "10,000-deep nesting": (b"a: " + b"[" * 10_000, 1, "nested too deeply"),
    "10,000-deep mappings": (b"".join(b" " * n + b"a:\n" for n in range(1400)), 50, "nested too deeply"),
    "object tag": (b"identity: !!python/object/apply:os.system [id]\n", 1, "tags are not allowed"),
    "NUL byte": (b"identity:\n  name: a\x00b\n", 2, "U+0000"),
    "Latin-1 byte": (b"identity:\n  name: caf\xe9\n", 2, "not UTF-8"),
    "UTF-16": ("identity: {name: A}\n".encode("utf-16"), 1, "not UTF-8"),
    "tab": (b"identity:\n\tname: A\n", 2, "indent with spaces"),
    "duplicate key": (SOUL.encode() * 2, 2, "is here twice (first on line 1)"),
    "empty file": (b"", 1, "the file is empty"),
    "remarks alone": (b"# nothing yet\n", 1, "the file is empty"),
    "half a file": (b"identity:\n  name: A\n  langu", 4, "not valid YAML"),
    "unknown anchor": (b"identity: *there\n", 1, "no anchor"),
    "anchor inside itself": (b"identity: &a [*a]\n", 1, "inside its own anchor"),
    "two documents": (SOUL.encode() + b"---\n" + SOUL.encode(), 2, "one document"),
    "a list": (b"- a\n", 1, "expected a mapping"),
    "escape sequence": (b"identity: {name: \x1b[2J, language: en}\n", 1, "U+001B"),
    "written escape": (b'identity: {name: "\\e[2J", language: en}\n', 1, "U+001B"),
    "bidi override": ("identity: {name: a\u202eb, language: en}\n".encode(), 1, "U+202E"),
    "written bidi override": (b'identity: {name: "a\\u202eb", language: en}\n', 1, "U+202E"),
    "unknown format": (b'schema_version: "9.0"\n' + SOUL.encode(), 1, "unknown version"),
    "huge number": (b"identity: {name: A, language: " + b"9" * 10_000 + b"}\n", 1, "too long"),
}


def fifty_megabytes(soul: Path) -> None:
    with soul.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)


def cycle(soul: Path) -> None:
    soul.symlink_to("OTHER.yaml")
    (soul.parent / "OTHER.yaml").symlink_to("SOUL.yaml")


def out(soul: Path) -> None:
    (soul.parents[3] / "secret.yaml").write_text(SOUL)
    soul.symlink_to(soul.parents[3] / "secret.yaml")


# how SOUL.yaml is made -> file, line, words
KINDS: dict[str, tuple[Callable[[Path], object], str, int, str]] = {
    "50 MB": (fifty_megabytes, "SOUL.yaml", 1, "too large"),
    "missing": (lambda soul: None, "profession-pack.yaml", 6, "no such file"),
    "directory": (lambda soul: soul.mkdir(), "profession-pack.yaml", 6, "Is a directory"),
    "pipe": (os.mkfifo, "profession-pack.yaml", 6, "not a regular file"),
    "dangling link": (lambda soul: soul.symlink_to("gone.yaml"), "profession-pack.yaml", 6, "no such file"),
    "cyclic link": (cycle, "profession-pack.yaml", 6, "symbolic links"),
    "link out of the packs": (out, "profession-pack.yaml", 6, "outside the packs"),
}


# manifest -> line, words
MANIFESTS: dict[str, tuple[str, int, str]] = {
    "unknown format of the manifest": ((HEAD + ROLE).replace('"1.0"', '"7.3"'), 1, "unknown version"),
    "without a role": (HEAD, 1, "the layer `role` is missing"),
    "absolute path": (HEAD + ROLE + "soul: {file: /etc/hostname.yaml}\n", 6, "absolute"),
    "path that leaves": (HEAD + ROLE + "soul: {extends: ../../../x.yaml}\n", 6, "outside the packs"),
    "cycle of shared layers": (HEAD + ROLE + "soul: {extends: ../_shared/a.yaml}\n", 1, "b.yaml -> "),
    "extends itself": (HEAD + ROLE + "soul: {extends: profession-pack.yaml}\n", 6, "cycle"),
    "control character in a path": (HEAD + ROLE + 'soul: {file: "a\\tb.yaml"}\n', 6, "no such file"),
    "invisible character in a path": (HEAD + ROLE + 'soul: {file: "a\\u200bb.yaml"}\n', 6, "invisible"),
    "bidi override in the name": (HEAD + ROLE + 'name: "a\\u202eb"\n', 6, "U+202E"),
    "id with capitals": ((HEAD + ROLE).replace("pack_id: odd", "pack_id: Odd"), 2, "lower-case"),
    "another engine": (HEAD + ROLE + "compatibility: {framework_min: 99.0.0}\n", 6, "needs version 99.0.0"),
    "a tool that is not here": (
        HEAD + ROLE + "compatibility: {required_tools: [moon.land]}\n", 6, "needs the tool `moon.land`"
    ),
}  # fmt: skip


def write_odd(root: Path, name: str, manifest: str = LAYER) -> Path:
    """The pack `name` below `root`, its manifest's id included."""
    place = root / name
    (place / "flows").mkdir(parents=True)
    (place / "flows" / "f.yaml").write_text(
        "id: f\nsteps: [{type: tool, tool: text.report, params: {title: T, body: B}}]\n"
    )
    (place / "profession-pack.yaml").write_text(manifest.replace("pack_id: odd", f"pack_id: {name}"))
    return place


@dataclass(frozen=True)
class OddPacks:
    """All of them in one home, as programs and people are told of them."""

    document: dict[str, dict[str, Any]]
    people: str

    def check(self, pack: str, file: str, line: int, words: str) -> None:
        """The pack's one problem stands at `file` and `line`."""
        (problem,) = self.document[pack]["problems"]
        assert (problem["file"], problem["line"]) == (file, line)
        assert words in problem["message"]
        assert f"{file}:{line}:" in self.people


@pytest.fixture(scope="module")
def odd(warm: WarmCommand, tmp_path_factory: pytest.TempPathFactory) -> OddPacks:
    """Every odd pack there is, written into one home and listed."""
    home = tmp_path_factory.mktemp("odd")
    root = home / "packs"
    for name, (raw, _, _) in TEXTS.items():
        (write_odd(root, slug(name)) / "SOUL.yaml").write_bytes(raw)
    for name, (make, _, _, _) in KINDS.items():
        make(write_odd(root, slug(name)) / "SOUL.yaml")
    for name, (manifest, _, _) in MANIFESTS.items():
        write_odd(root, slug(name), manifest)
    (root / "_shared").mkdir()
    (root / "_shared" / "a.yaml").write_text("extends: b.yaml\n")
    (root / "_shared" / "b.yaml").write_text("extends: a.yaml\n")
    vasini = Vasini(home=home, cwd=home, warm=warm)
    programs, people = vasini("packs", "--json"), vasini("packs")
    for outcome in (programs, people):
        assert outcome.status == 0, outcome
        assert "Traceback" not in outcome.stderr
        assert not {byte for byte in outcome.out + outcome.err if byte < 32 and byte not in b"\n\t"}
        assert "\u202e" not in outcome.stdout
    return OddPacks({pack["pack"]: pack for pack in programs.document["packs"]}, people.stdout)


def slug(name: str) -> str:
    return "odd-" + "".join(letter if letter.isalnum() else "-" for letter in name.lower())


@pytest.mark.parametrize("name", TEXTS)
def test_a_layer_that_cannot_be_read_is_named_with_its_line(odd: OddPacks, name: str) -> None:
    _, line, words = TEXTS[name]
    odd.check(slug(name), "SOUL.yaml", line, words)


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_that_is_no_file_is_named_where_it_is_referred_to(odd: OddPacks, name: str) -> None:
    _, file, line, words = KINDS[name]
    odd.check(slug(name), file, line, words)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_is_wrong_is_named_with_its_line(odd: OddPacks, name: str) -> None:
    _, line, words = MANIFESTS[name]
    file = "../_shared/b.yaml" if "shared" in name else "profession-pack.yaml"
    pack = "Odd" if name == "id with capitals" else slug(name)
    odd.check(pack, file, line, words)


def test_the_other_packs_do_not_suffer(odd: OddPacks) -> None:
    assert odd.document["hello"]["problems"] == []
    broken = [pack for pack in odd.document.values() if pack["problems"]]
    assert len(broken) == len(TEXTS) + len(KINDS) + len(MANIFESTS)


def test_a_layer_without_read_permission_is_named(vasini: Vasini) -> None:
    place = write_odd(vasini.home / "packs", "odd")
    (place / "SOUL.yaml").write_text(SOUL)
    (place / "SOUL.yaml").chmod(0)
    refused(replace(vasini, permissions_bind=True), place, "profession-pack.yaml", 6, "Permission denied")


def refused(vasini: Vasini, place: Path, file: str, line: int, words: str) -> None:
    """`pack validate` names the one problem in both forms."""
    checked = vasini("pack", "validate", str(place), "--json")
    assert (checked.status, checked.error["code"]) == (4, "pack_invalid")
    (problem,) = checked.document["problems"]
    assert (problem["file"], problem["line"]) == (file, line)
    assert words in problem["message"]
    people = vasini("pack", "validate", str(place))
    assert people.status == 4
    assert f"{file}:{line}:" in people.stdout
    assert b"\x1b" not in checked.out + checked.err + people.out + people.err


def test_a_byte_order_mark_and_carriage_returns_are_normal_life(vasini: Vasini) -> None:
    place = write_odd(vasini.home / "packs", "odd")
    (place / "SOUL.yaml").write_bytes(b"\xef\xbb\xbf" + SOUL.replace("\n", "\r\n").encode())
    assert vasini.ok("pack", "validate", str(place))["valid"] is True


def test_names_of_files_cannot_reach_the_terminal(vasini: Vasini) -> None:
    place = write_odd(vasini.home / "packs", "odd", HEAD + ROLE)
    (place / "flows" / "a\x1b[2Jb.yaml").write_text("id: g\n")
    refused(vasini, place, "flows", 1, "invisible or control characters")


def test_two_packs_of_one_id_are_told_and_the_first_is_used(vasini: Vasini) -> None:
    vasini.make_pack("twin", f="steps: [{type: tool, tool: text.report, params: {title: T, body: B}}]\n")
    vasini.make_pack("zz", f="steps: [{type: tool, tool: text.report, params: {title: T, body: B}}]\n")
    manifest = vasini.home / "packs" / "zz" / "profession-pack.yaml"
    manifest.write_text(manifest.read_text().replace("pack_id: zz", "pack_id: twin"))
    twins = [pack for pack in vasini.ok("packs")["packs"] if pack["pack"] == "twin"]
    assert [len(pack["problems"]) for pack in twins] == [0, 1]
    assert "with the id `twin` already" in twins[1]["problems"][0]["message"]


def test_a_broken_layer_keeps_its_pack_from_starting_and_no_other(vasini: Vasini) -> None:
    place = write_odd(vasini.home / "packs", "odd")
    (place / "SOUL.yaml").write_text("identity: {}\n")
    started = vasini("run", "odd/f", "--json")
    assert (started.status, started.error["code"]) == (4, "pack_invalid")
    assert "SOUL.yaml:1:1: identity.name" in started.error["message"]
    packs = {pack["pack"]: pack for pack in vasini.ok("packs")["packs"]}
    assert len(packs["odd"]["problems"]) == 2
    assert packs["hello"]["problems"] == []


def test_a_flow_that_vanished_ends_its_parked_runs_all_the_same(vasini: Vasini) -> None:
    steps = (
        "steps:\n"
        "  - {id: ask, type: human_approval, message: Go on?}\n"
        "  - {id: say, type: tool, tool: text.report, params: {title: T, body: '{{ payload.x }}'}}\n"
    )
    place = vasini.make_pack("gone", f=steps)
    shared = place.parent / "_shared"
    shared.mkdir()
    (shared / "soul.yaml").write_text(SOUL)
    manifest = place / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "soul: {extends: ../_shared/soul.yaml}\n")
    run = vasini.ok("run", "gone/f", "--set", "x=kept", "--wait")
    assert run["status"] == "PENDING_HUMAN"
    (shared / "soul.yaml").unlink()
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    place.rmdir()
    (approval,) = vasini.ok("approvals")["approvals"]
    vasini.ok("approve", approval["approval_id"], "--digest", approval["digest"])
    vasini.ok("worker", "--until-idle")
    shown = vasini.ok("show", run["run_id"])["run"]
    assert shown["status"] == "COMPLETED", shown
    assert "kept" in shown["output"]["text"]


def test_what_a_pack_may_read_is_the_same_when_it_is_validated(vasini: Vasini) -> None:
    root = vasini.home / "packs"
    borrows = write_odd(root, "borrows", HEAD + ROLE + "soul: {file: ../lends/SOUL.yaml}\n")
    lends = write_odd(root, "lends")
    (lends / "SOUL.yaml").write_text(SOUL)
    assert vasini.ok("pack", "validate", str(borrows))["valid"] is True
    elsewhere = write_odd(vasini.cwd, "borrows", HEAD + ROLE + "soul: {file: ../lends/SOUL.yaml}\n")
    (write_odd(vasini.cwd, "lends") / "SOUL.yaml").write_text(SOUL)
    refused(vasini, elsewhere, "profession-pack.yaml", 6, "outside the packs directories")
