from __future__ import annotations

import stat
from pathlib import Path

import pytest

from portico.data import DataDirectory, default_path, write_private
from portico.errors import CommandError


def test_each_project_has_its_own_directory_outside_itself(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path / "home")}
    one, other = (default_path(environ, tmp_path / parent / "shop") for parent in ("a", "b"))
    assert one.parent == other.parent == tmp_path / "home" / "portico"
    assert one != other
    assert one.name.startswith("shop-")
    assert len(one.name) == len("shop-") + 8


def test_a_relative_data_home_is_ignored_as_its_specification_says() -> None:
    assert default_path({"XDG_DATA_HOME": "x"}, Path("/p")).parent == Path.home() / ".local" / "share" / "portico"


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    data = DataDirectory.from_environment({"PORTICO_DATA": str(tmp_path / "x" / "y")}, tmp_path / "project")
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700


@pytest.mark.parametrize("inside", ["project", "project/data"])
def test_a_directory_in_the_project_folder_is_refused(tmp_path: Path, inside: str) -> None:
    with pytest.raises(CommandError, match="inside the project folder"):
        DataDirectory.from_environment({"PORTICO_DATA": str(tmp_path / inside)}, tmp_path / "project")


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be made: "):
        DataDirectory.at(tmp_path / "file" / "data")


def test_a_private_file_is_its_owners_and_replaced_whole(tmp_path: Path) -> None:
    for text in ("a", "b"):
        write_private(tmp_path / "d" / "key", text)
        assert (tmp_path / "d" / "key").read_text() == text
    assert stat.S_IMODE((tmp_path / "d" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["key"]
