from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.pack import PackState
from engine.packs.catalog.pack_views import PackStatus, pack_view
from engine.packs.checks.subflow_rules import MAX_SUBFLOW_DEPTH
from tests.engine.packs.catalogs import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.packs.pack import PackView
    from engine.packs.catalog.catalog import Catalog
    from tests.engine.packs.conftest import WritePack

TOOLS = {"files.read"}
TOOL = "id: {}\nsteps: [{{type: tool, tool: files.read}}]\n"


def calls(flow: str, *targets: str) -> str:
    return f"id: {flow}\nsteps:\n" + "".join(f"  - {{type: subflow, subflow: {name}}}\n" for name in targets)


def messages(catalog: Catalog, pack_id: str) -> list[str]:
    pack = catalog.get(pack_id)
    assert pack is not None
    assert all(problem.line for problem in pack.problems)
    return [problem.message for problem in pack.problems]


def views_of(catalog: Catalog) -> dict[str, PackView]:
    return {found.pack.pack_id: pack_view(found, PackStatus()) for found in catalog.found}


def catalog_of(tmp_path: Path) -> Catalog:
    return load_catalog(None, tmp_path / "packs", TOOLS)


def test_roots_that_are_not_there_hold_no_packs(tmp_path: Path) -> None:
    catalog = load_catalog(tmp_path / "a", tmp_path / "b", TOOLS)
    assert catalog.all() == ()
    assert load_catalog(None, None, TOOLS).all() == ()


def test_a_root_that_is_no_directory_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "packs").write_text("")
    (view,) = views_of(catalog_of(tmp_path)).values()
    assert (view.pack, view.state, view.directory) == (str(tmp_path / "packs"), PackState.BROKEN, view.pack)
    assert view.problems[0].message == "the directory of packs cannot be read: Not a directory"


def test_a_root_that_leads_nowhere_hides_no_pack_of_the_others(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("demo", f=TOOL.format("f"))
    (tmp_path / "home").symlink_to("home")
    views = {
        found.pack.pack_id: pack_view(found, PackStatus())
        for found in load_catalog(tmp_path / "packs", tmp_path / "home", TOOLS).found
    }
    assert views["demo"].state is PackState.OK
    (problem,) = views[str(tmp_path / "home")].problems
    assert problem.message == "the directory of packs cannot be read: Too many levels of symbolic links"


def test_a_link_that_cannot_be_looked_at_is_a_broken_pack_and_hides_no_other(
    write_pack: WritePack, tmp_path: Path
) -> None:
    write_pack("demo", f=TOOL.format("f"))
    (tmp_path / "packs" / "linked").symlink_to("x" * 300)
    good, linked = views_of(catalog_of(tmp_path)).values()
    assert (good.pack, good.state, linked.state) == ("demo", PackState.OK, PackState.BROKEN)
    assert linked.directory == str(tmp_path / "packs" / "linked")
    assert "File name too long" in linked.problems[0].message


def test_packs_are_found_by_their_id_whatever_their_directory(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("demo", f=TOOL.format("f")).rename(tmp_path / "packs" / "another-name")
    for ignored in ("_shared", ".git", "__pycache__"):
        (tmp_path / "packs" / ignored).mkdir()
    (tmp_path / "packs" / "README.md").write_text("words")
    catalog = catalog_of(tmp_path)
    assert [pack.pack_id for pack in catalog.all()] == ["demo"]
    assert catalog.flow("demo", "f") is not None
    assert catalog.flow("demo", "g") is None
    assert catalog.get("another-name") is None


def test_a_broken_pack_is_listed_with_its_problems_and_breaks_no_other(
    write_pack: WritePack, tmp_path: Path
) -> None:
    write_pack("good", f=TOOL.format("f"))
    (tmp_path / "packs" / "broken").mkdir()
    catalog = catalog_of(tmp_path)
    views = views_of(catalog)
    assert views["good"].valid
    assert not views["broken"].valid
    assert views["broken"].version is None


def test_the_later_of_two_packs_with_one_id_has_the_problem(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("demo", root="shipped", f=TOOL.format("f"))
    write_pack("demo", root="home", g=TOOL.format("g"))
    catalog = load_catalog(tmp_path / "shipped", tmp_path / "home", TOOLS)
    used = catalog.get("demo")
    assert used is not None
    assert used.source == "shipped"
    assert used.problems == ()
    assert list(used.flows) == ["f"]
    home = catalog.all()[1]
    assert (home.problems[0].file, home.problems[0].line) == ("profession-pack.yaml", 2)
    first = tmp_path / "shipped" / "demo"
    assert f"there is a shipped pack with the id `demo` already, in {first}" in home.problems[0].message


def test_a_pack_whose_id_is_taken_is_told_so_where_it_is_checked_in_its_place(
    write_pack: WritePack, tmp_path: Path
) -> None:
    first = write_pack("demo", root="shipped", f=TOOL.format("f"))
    second = write_pack("demo", root="home", g=TOOL.format("g"))
    catalog = load_catalog(tmp_path / "shipped", tmp_path / "home", TOOLS)
    roots = [tmp_path / "shipped", tmp_path / "home"]
    assert catalog.check(second, roots).problems == catalog.all()[1].problems
    assert catalog.check(first, roots).problems == ()
    assert catalog.check(write_pack("demo", root="elsewhere", g=TOOL.format("g")), roots).problems == ()


def test_a_pack_directory_that_is_a_link_out_of_the_root_is_not_read(
    write_pack: WritePack, tmp_path: Path
) -> None:
    outside = write_pack("outside", root="elsewhere", f=TOOL.format("f"))
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "linked").symlink_to(outside)
    assert "leads out of the directory of packs" in messages(catalog_of(tmp_path), "linked")[0]


def test_code_of_a_home_pack_is_not_trusted(write_pack: WritePack, tmp_path: Path) -> None:
    home = write_pack("mine", root="home", f="id: f\nsteps: [{type: tool, tool: mine.go}]\n")
    shipped = write_pack("ours", root="shipped")
    for directory in (home, shipped):
        (directory / "tools.py").write_text("def go() -> int:\n    return 1\n")
    views = views_of(load_catalog(tmp_path / "shipped", tmp_path / "home", TOOLS))
    assert (views["mine"].has_code, views["mine"].trusted, views["mine"].valid) == (True, False, True)
    assert (views["ours"].has_code, views["ours"].trusted) == (True, True)


def test_a_view_tells_what_can_be_started(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack(
        f="""
        id: f
        description: Words.
        input: {type: object}
        steps:
          - type: parallel
            branches: [[{type: tool, tool: files.read}], [{type: tool, tool: files.read}]]
        """
    )
    found = catalog_of(tmp_path).find("demo")
    assert found is not None
    view = pack_view(found, PackStatus())
    assert (view.version, view.digest) == ("1.0.0", found.pack.content.digest)
    flow = view.flows[0]
    assert (flow.pack, flow.flow, flow.description, flow.steps) == ("demo", "f", "Words.", 3)
    assert flow.input_schema == {"type": "object"}


def test_subflows_are_found_in_the_same_and_in_other_packs(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("a", x=calls("x", "y", "b/z"), y=TOOL.format("y"))
    write_pack("b", z=TOOL.format("z"))
    catalog = catalog_of(tmp_path)
    assert messages(catalog, "a") == []
    assert messages(catalog, "b") == []


def test_unknown_subflows_are_named_with_their_line(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("a", x=calls("x", "xx", "bb/z", "b/zz"))
    write_pack("b", z=TOOL.format("z"))
    pack = catalog_of(tmp_path).get("a")
    assert pack is not None
    assert [(problem.line, problem.field, problem.found) for problem in pack.problems] == [
        (3, "steps.0.subflow", "xx"),
        (4, "steps.1.subflow", "bb/z"),
        (5, "steps.2.subflow", "b/zz"),
    ]
    assert "did you mean `x`?" in pack.problems[0].message
    assert "unknown pack `bb`" in pack.problems[1].message
    assert "has no flow `zz`" in pack.problems[2].message


def test_a_cycle_is_a_problem_of_every_flow_in_it_and_of_no_other(
    write_pack: WritePack, tmp_path: Path
) -> None:
    write_pack("a", x=calls("x", "b/y"), outside=calls("outside", "x"))
    nested = "id: y\nsteps:\n  - type: for_each\n    items: [1]\n    steps: [{type: subflow, subflow: a/x}]\n"
    write_pack("b", y=nested)
    catalog = catalog_of(tmp_path)
    assert messages(catalog, "a") == ["the subflows form a cycle: a/x -> b/y -> a/x"]
    assert messages(catalog, "b") == ["the subflows form a cycle: b/y -> a/x -> b/y"]


def test_a_flow_that_starts_itself_is_a_cycle(write_pack: WritePack, tmp_path: Path) -> None:
    write_pack("a", x=calls("x", "x"))
    assert messages(catalog_of(tmp_path), "a") == ["the subflows form a cycle: a/x -> a/x"]


def test_the_depth_of_subflows_is_bounded(write_pack: WritePack, tmp_path: Path) -> None:
    def chain(length: int) -> dict[str, str]:
        flows = {f"f{n}": calls(f"f{n}", f"f{n + 1}") for n in range(length)}
        return {**flows, f"f{length}": TOOL.format(f"f{length}")}

    write_pack("good", **chain(MAX_SUBFLOW_DEPTH))
    write_pack("deep", **chain(MAX_SUBFLOW_DEPTH + 1))
    catalog = catalog_of(tmp_path)
    assert messages(catalog, "good") == []
    deep = catalog.get("deep")
    assert deep is not None
    assert [(problem.file, problem.message) for problem in deep.problems] == [
        ("flows/f0.yaml", "subflows are nested too deeply: at most 8 levels")
    ]


def test_a_directory_is_checked_among_the_other_packs_without_being_added(
    write_pack: WritePack, tmp_path: Path
) -> None:
    write_pack("b", z=TOOL.format("z"))
    catalog = catalog_of(tmp_path)
    assert catalog.check(write_pack("a", root="new", x=calls("x", "b/z"))).problems == ()
    assert (
        "no flow `q`" in catalog.check(write_pack("c", root="new", x=calls("x", "b/q"))).problems[0].message
    )
    assert [pack.pack_id for pack in catalog.all()] == ["b"]
