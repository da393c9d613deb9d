from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.dynamo.errors import ConditionFailed, NotStored, StaleVersion, TransactionFailed
from chalicelib.dynamo.fields import Attr, field, version
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import transaction


class Account(Model, table=main, type="account"):
    id: Attr[str]
    balance: Attr[int] = field(default=0)
    note: Attr[str | None] = field(default=None)
    version: Attr[int] = version()
    key = Key(pk="ACCOUNT#{id}")


def stored() -> Account:
    account = Account.get(id="1", consistent=True)
    assert account is not None
    return account


@pytest.fixture
def account(recorder: Recorder) -> Account:
    """A new account, of version 1."""
    account = Account(id="1")
    account.create()
    return account


@pytest.fixture
def stale(account: Account) -> Account:
    """The account as it was before somebody else wrote it."""
    loaded = stored()
    Account.update(id="1").add(Account.balance, 5).run()
    loaded.balance = 7
    return loaded


def test_every_write_counts(account: Account) -> None:
    versions = [account.version]
    account.put()
    versions.append(account.version)
    account.balance = 1
    account.save()
    versions += [account.version, Account.update(id="1").set(Account.balance, 2).run().version, stored().version]
    assert versions == [1, 2, 3, 4, 4]


def test_a_save_without_changes_does_not_count(account: Account) -> None:
    account.save()
    assert (account.version, stored().version) == (1, 1)


def test_an_upsert_begins_at_one_and_counts(recorder: Recorder) -> None:
    versions = [Account.upsert(id="1").add(Account.balance, 1).run().version for _ in range(2)]
    assert versions == [1, 2]


STALE: dict[str, Callable[[Account], object]] = {
    "put": lambda account: account.put(),
    "save": lambda account: account.save(),
    "destroy": lambda account: account.destroy(),
}


@pytest.mark.parametrize("write", STALE)
def test_a_stale_object_is_not_written(write: str, stale: Account) -> None:
    with pytest.raises(StaleVersion, match="somebody else has written it: it has version 2 now") as refused:
        STALE[write](stale)
    assert refused.value.item is not None
    assert refused.value.item["balance"] == {"N": "5"}
    assert (stored().balance, stored().version) == (5, 2)


@pytest.mark.parametrize(("write", "error"), [("put", StaleVersion), ("save", NotStored), ("destroy", StaleVersion)])
def test_an_object_that_somebody_has_deleted_is_not_written(write: str, error: type[Exception], stale: Account) -> None:
    Account.delete(id="1")
    with pytest.raises(error, match=r"it is no longer there|there is no such item"):
        STALE[write](stale)
    assert Account.get(id="1") is None


def test_a_new_object_does_not_replace_what_is_there(account: Account) -> None:
    with pytest.raises(StaleVersion):
        Account(id="1", balance=9).put()
    assert stored() == account


@pytest.mark.parametrize("write", STALE)
def test_a_condition_that_does_not_hold_is_no_stale_version(write: str, account: Account) -> None:
    account.balance = 7
    when = Account.balance == 3
    writes: dict[str, Callable[[], object]] = {
        "put": lambda: account.put(when),
        "save": lambda: account.save(when),
        "destroy": lambda: account.destroy(when),
    }
    with pytest.raises(ConditionFailed) as refused:
        writes[write]()
    assert type(refused.value) is ConditionFailed


def test_an_object_whose_put_was_refused_can_be_saved(account: Account) -> None:
    with pytest.raises(ConditionFailed):
        account.put(Account.balance == 3)
    account.balance = 4
    account.save()
    assert (account.version, stored()) == (2, account)


def test_a_deletion_by_key_is_of_any_version(stale: Account) -> None:
    deleted = Account.delete(id="1")
    assert deleted is not None
    assert deleted.version == 2
    assert Account.get(id="1") is None


def test_an_update_may_ask_for_a_version(account: Account) -> None:
    update = Account.update(id="1").add(Account.balance, 1).when(Account.version == 1)
    assert update.run().version == 2
    with pytest.raises(ConditionFailed):
        update.run()


def test_a_transaction_refuses_stale_objects(stale: Account) -> None:
    t = transaction()
    t.put(stale)
    t.create(Account(id="2"))
    with pytest.raises(TransactionFailed, match="somebody else has written it") as refused:
        t.run()
    assert isinstance(refused.value.reasons[0].error, StaleVersion)
    assert Account.get(id="2") is None


def test_part_of_an_object_has_the_version_too(account: Account) -> None:
    (part,) = Account.query(id="1").fields(Account.note).all()
    (stale,) = Account.query(id="1").fields(Account.note).all()
    part.note = stale.note = "a"
    part.save()
    assert part.version == 2
    for write in (stale.save, stale.destroy):
        with pytest.raises(StaleVersion):
            write()
    part.destroy()
    assert Account.get(id="1") is None


def test_an_item_from_before_its_model_had_a_version_is_guarded_as_well(recorder: Recorder) -> None:
    item = Account(id="1").to_item()
    item.pop("version", None)
    main.call("PutItem", {"Item": item})
    first, second = stored(), stored()
    first.balance = second.balance = 1
    first.save()
    assert first.version == 1
    for write in STALE.values():
        with pytest.raises(StaleVersion):
            write(second)


@pytest.mark.parametrize("write", STALE)
def test_of_concurrent_writers_exactly_one_wins(write: str, account: Account) -> None:
    copies = [stored() for _ in range(8)]
    for number, copy in enumerate(copies):
        copy.balance = number + 1

    def attempt(copy: Account) -> bool:
        try:
            STALE[write](copy)
        except (StaleVersion, NotStored):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, copies))
    assert won.count(True) == 1
    if write == "destroy":
        assert Account.get(id="1") is None
    else:
        assert (stored().balance, stored().version) == (won.index(True) + 1, 2)


def test_concurrent_writers_that_try_again_lose_nothing(account: Account) -> None:
    def add(_: int) -> None:
        while True:
            copy = stored()
            copy.balance += 1
            try:
                copy.save()
            except StaleVersion:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    assert (stored().balance, stored().version) == (12, 13)
