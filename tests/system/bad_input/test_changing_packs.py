"""Packs that change while real processes work with them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

SAY = "steps:\n  - {id: say, type: tool, tool: text.report, params: {title: %s, body: b}}\n"
OUTER = "steps:\n  - {id: call, type: subflow, subflow: inner/flow}\n"
ASK = "steps:\n  - {id: ask, type: human_approval, message: Go on?}\n" + SAY.removeprefix("steps:\n")
CODED = "steps:\n  - {id: one, type: tool, tool: coded.act}\n"


@contextmanager
def worker(vasini: Vasini) -> Iterator[None]:
    """A worker of its own for as long as the block lasts."""
    process = vasini.start("worker", "--json")
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
        assert b"Traceback" not in err


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the time is over"
        time.sleep(0.05)


def outcome(vasini: Vasini, run_id: str) -> dict[str, Any]:
    """The run once its worker has ended it."""
    assert vasini("events", run_id, "--follow", "--json").status == 0
    run: dict[str, Any] = vasini.ok("show", run_id)["run"]
    return run


def said(vasini: Vasini) -> str:
    """What the inner flow says when a worker resolves and runs it."""
    run = outcome(vasini, vasini.ok("run", "outer/flow")["run_id"])
    assert run["status"] == "COMPLETED", run["error"]
    return str(run["output"]["text"]).partition("\n")[0].removeprefix("# ")


def pack(vasini: Vasini, name: str) -> dict[str, Any]:
    return next(pack for pack in vasini.ok("packs")["packs"] if pack["pack"] == name)


def flow_file(place: Path) -> Path:
    return place / "flows" / "flow.yaml"


def test_a_broken_save_leaves_the_good_version_to_a_worker_and_to_every_later_process(
    vasini: Vasini,
) -> None:
    inner = vasini.make_pack("inner", flow=SAY % "first")
    vasini.make_pack("outer", flow=OUTER)
    with worker(vasini):
        assert said(vasini) == "first"
        flow_file(inner).write_text("id: flow\n" + SAY % "second")
        until(lambda: said(vasini) == "second")
        flow_file(inner).write_text("id: flow\nsteps: [\n")
        until(lambda: pack(vasini, "inner")["state"] == "stale")
        (problem,) = pack(vasini, "inner")["problems"]
        assert (problem["file"], problem["line"]) == ("flows/flow.yaml", 3)
        assert said(vasini) == "second"
    with worker(vasini):  # after a restart
        assert pack(vasini, "inner")["state"] == "stale"
        assert said(vasini) == "second"
        assert vasini.ok("pack", "show", "inner")["pack"]["rejected"]["files"][0]["name"] == "flows/flow.yaml"
        flow_file(inner).write_text("id: flow\n" + SAY % "third")
        until(lambda: said(vasini) == "third")
        assert pack(vasini, "inner")["state"] == "ok"


def test_a_flow_that_vanished_while_its_run_was_parked_goes_on_to_its_end(vasini: Vasini) -> None:
    place = vasini.make_pack("gone", flow=ASK % "done")
    run_id = vasini.ok("run", "gone/flow", "--wait")["run_id"]
    flow_file(place).unlink()
    assert [runs["runs"] for runs in pack(vasini, "gone")["runs"]] == [1]
    shutil.rmtree(place)
    refused = vasini("run", "gone/flow", "--json")
    assert (refused.status, refused.error["code"]) == (3, "not_found")
    (approval,) = vasini.ok("approvals", "--run", run_id)["approvals"]
    vasini.ok("approve", approval["approval_id"])
    vasini.ok("worker", "--until-idle")
    assert vasini.ok("show", run_id)["run"]["status"] == "COMPLETED"


def test_code_is_refused_trusted_and_asked_for_again_when_it_changed(vasini: Vasini) -> None:
    place = vasini.make_pack("coded", flow=CODED)
    code = "def act() -> dict:\n    'Act.'\n    return {'summary': '%s'}\n"
    (place / "tools.py").write_text(code % "one")
    refused = vasini("run", "coded/flow", "--json")
    assert (refused.status, refused.error["code"]) == (5, "pack_untrusted")
    shown = vasini("pack", "trust", "coded", "--json")
    assert shown.status == 5
    review = shown.document["code"]
    assert (review["text"], review["trusted"]) == (code % "one", False)
    (place / "tools.py").write_text(code % "two")
    changed = vasini("pack", "trust", "coded", "--digest", review["digest"], "--json")
    assert (changed.status, changed.error["code"]) == (5, "code_changed")
    digest = vasini("pack", "trust", "coded", "--json").document["code"]["digest"]
    assert vasini.ok("pack", "trust", "coded", "--digest", digest)["code"]["trusted"] is True
    assert vasini.ok("run", "coded/flow", "--wait")["output"] == {"summary": "two"}
    (place / "tools.py").write_text(code % "three")
    assert pack(vasini, "coded")["state"] == "untrusted-code"
    assert vasini("run", "coded/flow").status == 5


def test_two_packs_with_one_id_are_told_and_the_first_stays_usable(vasini: Vasini) -> None:
    place = vasini.make_pack("same", flow=SAY % "first")
    shutil.copytree(place, place.with_name("same-again"))
    states = [one["state"] for one in vasini.ok("packs")["packs"] if one["pack"] == "same"]
    assert states == ["ok", "broken"]
    assert vasini.ok("run", "same/flow", "--wait")["status"] == "COMPLETED"


def test_versions_are_published_once_and_compared(vasini: Vasini) -> None:
    place = vasini.make_pack("mine", flow=SAY % "first")
    assert vasini.ok("pack", "publish", "mine")["version"]["version"] == "1.0.0"
    flow_file(place).write_text("id: flow\n" + SAY % "second")
    conflict = vasini("pack", "publish", "mine", "--json")
    assert (conflict.status, conflict.error["code"]) == (5, "version_conflict")
    assert pack(vasini, "mine")["label"] == "1.0.0+edited"
    assert vasini.ok("run", "mine/flow")["pack_version"] == "1.0.0+edited"
    (file,) = vasini.ok("pack", "diff", "mine@1.0.0", "mine")["diff"]["files"]
    assert (file["name"], file["added"], file["removed"]) == ("flows/flow.yaml", 1, 1)
    (version,) = vasini.ok("pack", "versions", "mine")["versions"]
    assert version["latest"] is True


@pytest.mark.parametrize("template", ["tool", "agent", "sop"])
def test_a_new_pack_validates_and_runs_as_made(vasini: Vasini, template: str) -> None:
    assert vasini.ok("pack", "new", "my-pack", "--template", template)["pack"]["problems"] == []
    run = vasini.ok("run", "my-pack/main", "--wait")
    assert run["status"] == ("PENDING_HUMAN" if template == "sop" else "COMPLETED")


def test_a_home_whose_name_is_no_text_works_and_is_examined(vasini: Vasini) -> None:
    odd = replace(vasini, home=vasini.home.with_name(os.fsdecode(b"h\xff")))
    odd.make_pack("mine", flow=SAY % "first")
    assert odd.ok("run", "mine/flow", "--wait")["status"] == "COMPLETED"
    assert odd.ok("doctor")["journal"]["state"] == "ok"


def test_a_directory_of_packs_that_cannot_be_read_is_told_where_packs_are(vasini: Vasini) -> None:
    place = vasini.make_pack("mine", flow=SAY % "first").parent
    shutil.rmtree(place)
    place.symlink_to(place.name)
    told = pack(vasini, str(place))
    assert (told["state"], told["source"]) == ("broken", "home")
    assert "cannot be read" in told["problems"][0]["message"]
    assert f"{place}:1:1: the directory of packs cannot be read" in vasini("packs").stdout
    assert vasini.ok("run", "hello/hello", "--wait")["status"] == "PENDING_USER_INPUT"
