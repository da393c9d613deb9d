from __future__ import annotations

import pytest

from chalicelib import settings
from chalicelib.dynamo import tables
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.tables import Table, main
from chalicelib.errors import StoreUnavailable
from tests.test_start import loaded_after

from .books import book


def test_loading_a_table_loads_nothing_that_makes_tables() -> None:
    loaded = loaded_after("import chalicelib.dynamo.tables")
    assert "chalicelib.dynamo.layout" in loaded
    assert not loaded & {f"chalicelib.dynamo.{module}" for module in ("provisioning", "changes", "differences")}
    assert "botocore" not in loaded


def test_the_main_table_has_its_index_slots() -> None:
    assert main.layout is tables.MAIN_LAYOUT
    assert main.layout.keys() == ("pk", "sk")
    slots = [f"gsi{slot}" for slot in range(1, tables.INDEX_SLOTS + 1)]
    assert [index.name for index in main.layout.indexes] == slots
    assert [main.layout.keys(slot) for slot in slots[:2]] == [("_i1h", "_i1r"), ("_i2h", "_i2r")]
    assert set(main.layout.types.values()) == {"S"}


def test_a_table_has_a_name_and_a_layout_of_its_own() -> None:
    layout = Layout("shelf", "isbn")
    assert Table("books", layout).name == "books"
    assert Table("books", layout).layout is layout
    assert Table("books").layout == Layout("pk", "sk")


def test_the_name_is_looked_up_at_every_call(table: str) -> None:
    assert main.name == table
    with settings.override(table="another"):
        assert main.name == "another"
        with pytest.raises(StoreUnavailable):
            main.call("GetItem", {"Key": book().to_item()})
