from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.errors import ErrorCode, VasiniError
from tests.permissions import permissions_bind
from vasini_tui.settings.places import find_places, make_places
from vasini_tui.shipped import shipped_packs


def test_home_moves_everything(tmp_path: Path) -> None:
    home = tmp_path / "h"
    places = find_places({"VASINI_HOME": str(home)})
    assert places.config_file == home / "config.yaml"
    assert places.secrets_file == home / "secrets.yaml"
    assert places.packs_dir == home / "packs"
    for place in (places.journal_file, places.runs_dir, places.cache_dir, places.log_file):
        assert place.is_relative_to(home)


def test_the_journal_shares_its_directory_with_nothing_tools_may_use(tmp_path: Path) -> None:
    places = find_places({"VASINI_HOME": str(tmp_path)})
    for place in (places.runs_dir, places.packs_dir, places.cache_dir):
        assert not place.is_relative_to(places.data_dir)


def test_without_home_the_users_own_directories_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/d")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("XDG_CACHE_HOME", "/k")
    places = find_places({})
    assert places.home is None
    assert places.config_file == Path("/c/vasini/config.yaml")
    assert places.journal_file == Path("/d/vasini/data/journal.db")
    assert places.cache_dir == Path("/k/vasini")


def test_an_account_without_a_home_is_told_to_name_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    monkeypatch.setattr(os, "getuid", lambda: 4_294_000_000)
    with pytest.raises(VasiniError, match="VASINI_HOME") as caught:
        find_places({})
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_the_home_of_nobody_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_places({"VASINI_HOME": "~no-such-account/x"}).home == tmp_path / "~no-such-account" / "x"


def test_what_is_made_is_the_owners_alone(tmp_path: Path) -> None:
    places = find_places({"VASINI_HOME": str(tmp_path / "h")})
    make_places(places)
    make_places(places)
    for directory in (places.home, places.data_dir, places.runs_dir, places.cache_dir):
        assert directory is not None
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_in_a_home_of_a_group_the_group_may_write(tmp_path: Path) -> None:
    home = tmp_path / "h"
    home.mkdir()
    home.chmod(0o2770)
    places = find_places({"VASINI_HOME": str(home)})
    make_places(places)
    assert stat.S_IMODE(places.data_dir.stat().st_mode) == 0o2770


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("", encoding="utf-8")
    with pytest.raises(VasiniError) as caught:
        make_places(find_places({"VASINI_HOME": str(tmp_path / "h")}))
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert "VASINI_HOME" in caught.value.message


def test_a_directory_that_refuses_writing_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with permissions_bind(), pytest.raises(VasiniError) as caught:
        make_places(find_places({"VASINI_HOME": str(tmp_path / "h")}))
    assert caught.value.code is ErrorCode.READ_ONLY


def test_shipped_packs_are_not_looked_for_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = shipped_packs()
    assert found is None or not found.is_relative_to(tmp_path)
