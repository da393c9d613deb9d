from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.dynamo import provisioning
from chalicelib.dynamo.errors import (
    AlreadyExists,
    ConditionFailed,
    DuplicateItem,
    NotStored,
    Refused,
    Rejected,
    TransactionFailed,
    UniqueTaken,
)
from chalicelib.dynamo.fields import Attr, expiry, field
from chalicelib.dynamo.hooks import Creation, after, before, remove
from chalicelib.dynamo.keys import HOLDER, Index, Key
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import Table, main
from chalicelib.dynamo.transactions import transaction

from .clocks import NOW, Clock, clock, timed


class User(Model, table=main, type="user"):
    id: Attr[str]
    email: Attr[str | None] = field(default=None, set=str.lower, unique=True)
    number: Attr[int | None] = field(default=None, unique=True)
    name: Attr[str] = field(default="")
    key = Key(pk="USER#{id}")
    by_email = Index("gsi1", hash="users", range="{email}")


class Session(Model, table=timed, type="session"):
    id: Attr[str]
    token: Attr[str] = field(unique=True)
    uses: Attr[int] = field(default=0)
    ends: Attr[datetime | None] = expiry(name="_ttl")
    key = Key(pk="SESSION#{id}")


def markers(table: Table = main) -> dict[str, str]:
    """The keys of the markers that there are, and those of their holders."""
    items = table.call("Scan", {"ConsistentRead": True})["Items"]
    return {item["pk"]["S"]: item[HOLDER]["M"]["pk"]["S"] for item in items if HOLDER in item}


def expected() -> dict[str, str]:
    """The markers that the users who are stored should have."""
    made: dict[str, str] = {}
    for user in User.scan().consistent():
        if user.email is not None:
            made[f"unique#user#email#S#{user.email}"] = f"USER#{user.id}"
        if user.number is not None:
            made[f"unique#user#number#N#{user.number}"] = f"USER#{user.id}"
    return made


@pytest.fixture
def users(recorder: Recorder) -> Iterator[tuple[User, User]]:
    """Two users. After the test the markers are those that the items ask for."""
    both = User(id="1", email="a", number=1), User(id="2", email="b", number=2)
    for user in both:
        user.create()
    yield both
    assert markers() == expected()


def test_a_value_is_held_by_one_item_only(users: tuple[User, User]) -> None:
    with pytest.raises(UniqueTaken, match="email has a value that another item has") as refused:
        User(id="3", email="a", number=3).create()
    assert refused.value.path == ["email"]
    with pytest.raises(UniqueTaken, match="number"):
        User(id="3", email="c", number=1).create()
    assert User.get(id="3") is None


def save(item: Model, name: str, value: object) -> None:
    setattr(item, name, value)
    item.save()


TAKING: dict[str, Callable[[User], object]] = {
    "put": lambda _: User(id="1", email="b").put(),
    "put of a new one": lambda _: User(id="3", email="b").put(),
    "save": lambda user: save(user, "email", "B"),
    "update": lambda _: User.update(id="1").set(User.email, "B").run(),
    "upsert": lambda _: User.upsert(id="1").set(User.email, "b").run(),
    "upsert of a new one": lambda _: User.upsert(id="3").set(User.email, "b").run(),
}


@pytest.mark.parametrize("write", TAKING)
def test_a_value_that_is_taken_is_refused_and_nothing_written(write: str, users: tuple[User, User]) -> None:
    with pytest.raises(UniqueTaken, match="email"):
        TAKING[write](users[0])
    assert {user.id: user.email for user in User.scan()} == {"1": "a", "2": "b"}


CHANGING: dict[str, Callable[[User], object]] = {
    "put": lambda _: User(id="1", email="C", number=1).put(),
    "save": lambda user: save(user, "email", "C"),
    "update": lambda _: User.update(id="1").set(User.email, "C").run(),
    "upsert": lambda _: User.upsert(id="1").set(User.email, "C").run(),
}


@pytest.mark.parametrize("write", CHANGING)
def test_a_changed_value_is_held_and_the_old_one_free(write: str, users: tuple[User, User]) -> None:
    CHANGING[write](users[0])
    assert User.by_email.query(email="c").one().id == "1"
    with pytest.raises(UniqueTaken):
        User(id="3", email="c").create()
    User(id="3", email="a").create()


FREEING: dict[str, Callable[[User], object]] = {
    "put": lambda _: User(id="1", number=1).put(),
    "save": lambda user: save(user, "email", None),
    "set to None": lambda _: User.update(id="1").set(User.email, None).run(),
    "remove": lambda _: User.update(id="1").remove(User.email).run(),
    "delete": lambda _: User.delete(id="1"),
    "destroy": lambda user: user.destroy(),
    "transaction": lambda _: deleted_together("1"),
}


def deleted_together(*ids: str) -> None:
    with transaction() as t:
        for id_ in ids:
            t.delete(User, id=id_)


@pytest.mark.parametrize("write", FREEING)
def test_a_value_that_nobody_has_any_more_is_free(write: str, users: tuple[User, User]) -> None:
    FREEING[write](users[0])
    User(id="3", email="a").create()


@pytest.mark.parametrize("write", ["delete", "put", "update"])
def test_what_was_there_is_known_though_it_was_a_transaction(write: str, users: tuple[User, User]) -> None:
    writes: dict[str, Callable[[], object]] = {
        "delete": lambda: User.delete(id="1"),
        "put": lambda: User(id="1", email="c").put(),
        "update": lambda: User.update(id="1").set(User.email, "c").run("old"),
    }
    assert writes[write]() == users[0]


def test_what_an_update_makes_is_known_though_it_was_a_transaction(users: tuple[User, User]) -> None:
    assert User.update(id="1").set(User.email, "C").run() == User(id="1", email="c", number=1)


def test_none_is_held_by_many(users: tuple[User, User]) -> None:
    for id_ in "345":
        User(id=id_).create()


def test_a_write_that_changes_no_unique_value_is_no_transaction(users: tuple[User, User], recorder: Recorder) -> None:
    recorder.calls.clear()
    users[0].name = "x"
    users[0].save()
    User.update(id="1").set(User.name, "y").run()
    assert recorder.operations == ["UpdateItem", "UpdateItem"]
    assert User(id="1", email="A", number=1).put() is not None
    assert recorder.operations[2:] == ["GetItem", "PutItem"]


def test_the_two_fields_may_have_the_same_text_and_swap_it(recorder: Recorder) -> None:
    class Pair(Model, table=main, type="pair"):
        id: Attr[str]
        left: Attr[str] = field(unique=True)
        right: Attr[str] = field(unique=True)
        key = Key(pk="PAIR#{id}")

    pair = Pair(id="1", left="a", right="b")
    pair.create()
    pair.left, pair.right = pair.right, pair.left
    pair.save()
    assert markers().keys() == {"unique#pair#left#S#b", "unique#pair#right#S#a"}


def test_two_items_cannot_swap_values_in_one_transaction(users: tuple[User, User]) -> None:
    # DynamoDB takes one action for each item, and a value's marker would need two.
    t = transaction()
    t.update(User.update(id="1").set(User.email, "b"))
    t.update(User.update(id="2").set(User.email, "a"))
    with pytest.raises(DuplicateItem):
        t.run()


def test_two_items_of_a_transaction_cannot_take_the_same_value(users: tuple[User, User]) -> None:
    t = transaction()
    t.create(User(id="3", email="c"))
    t.create(User(id="4", email="c"))
    with pytest.raises(DuplicateItem):
        t.run()


def test_a_transaction_says_which_value_is_taken(users: tuple[User, User]) -> None:
    t = transaction()
    t.create(User(id="3", email="c"))
    t.create(User(id="4", email="a"))
    with pytest.raises(TransactionFailed) as refused:
        t.run()
    failed = [reason for reason in refused.value.reasons if reason.failed]
    assert [type(reason.error) for reason in failed] == [UniqueTaken]


FAILING: dict[str, tuple[type[Exception], Callable[[User], object]]] = {
    "create": (AlreadyExists, lambda _: User(id="1", email="c").create()),
    "create when": (ConditionFailed, lambda _: User(id="3", email="c").create(User.name == "x")),
    "put when": (ConditionFailed, lambda _: User(id="1", email="c").put(User.name == "x")),
    "update": (NotStored, lambda _: User.update(id="3").set(User.email, "c").run()),
    "update when": (
        ConditionFailed,
        lambda _: User.update(id="1").set(User.email, "c").when(User.name == "x").run(),
    ),
    "delete when": (ConditionFailed, lambda _: User.delete(id="1", when=User.name == "x")),
    "destroy when": (ConditionFailed, lambda user: user.destroy(User.name == "x")),
}


@pytest.mark.parametrize("write", FAILING)
def test_nothing_is_left_of_a_write_that_failed(write: str, users: tuple[User, User]) -> None:
    error, function = FAILING[write]
    with pytest.raises(error) as refused:
        function(users[0])
    assert type(refused.value) is error
    assert User.get(id="1") == users[0]


def test_a_value_that_is_not_known_before_the_write_is_refused(users: tuple[User, User]) -> None:
    for update in (
        User.update(id="1").add(User.number, 1),
        User.update(id="1").set(User.email, User.name),
        User.upsert(id="3").if_not_exists(User.email, "c"),
    ):
        with pytest.raises(Rejected, match="set it to a value, not to an expression"):
            update.run()


def test_what_functions_change_is_what_is_held(users: tuple[User, User]) -> None:
    def mark(event: Creation) -> None:
        event.item.email += "@example"

    before("create", User, order=200)(mark)
    try:
        User(id="3", email="c").create()
    finally:
        remove(mark, User)
    assert "unique#user#email#S#c@example" in markers()


def test_a_function_afterwards_that_raises_undoes_nothing(users: tuple[User, User]) -> None:
    def refuse(_: Creation) -> None:
        raise Refused("too late")

    after("create", User)(refuse)
    try:
        with pytest.raises(Refused):
            User(id="3", email="c").create()
    finally:
        remove(refuse, User)
    assert User.get(id="3") == User(id="3", email="c")


def test_an_upsert_claims_what_it_sets_by_itself(recorder: Recorder) -> None:
    codes = iter(range(10))

    class Ticket(Model, table=main, type="ticket"):
        id: Attr[str]
        code: Attr[str] = field(default=lambda: f"code {next(codes)}", unique=True)
        uses: Attr[int] = field(default=0)
        key = Key(pk="TICKET#{id}")

    first = Ticket.upsert(id="1").add(Ticket.uses, 1).run()
    second = Ticket.upsert(id="1").add(Ticket.uses, 1).run()
    assert (first.code, second.code) == ("code 0", "code 0")
    assert markers() == {"unique#ticket#code#S#code 0": "TICKET#1"}


def test_long_values_are_hashed(recorder: Recorder) -> None:
    long, other = "x" * 1000, "x" * 999 + "y"
    User(id="1", email=long).create()
    User(id="2", email=other).create()
    with pytest.raises(UniqueTaken):
        User(id="3", email=long).create()
    (hashed, _) = markers()
    User(id="3", email=hashed.partition("S-sha256#")[2]).create()
    User.delete(id="1")
    assert len(markers()) == 2


def test_a_number_is_not_the_text_that_reads_like_it(recorder: Recorder) -> None:
    class Code(Model, table=main, type="code"):
        id: Attr[str]
        value: Attr[int | str] = field(unique=True)
        key = Key(pk="CODE#{id}")

    Code(id="1", value=1).create()
    Code(id="2", value="1").create()
    with pytest.raises(UniqueTaken):
        Code(id="3", value=1).create()


def test_models_do_not_share_values_whatever_they_are_called(recorder: Recorder) -> None:
    class Plain(Model, table=main, type="a"):
        id: Attr[str]
        x: Attr[str] = field(default="", unique=True)
        key = Key(pk="A#{id}")

    class Odd(Model, table=main, type="a#x#S"):
        id: Attr[str]
        x: Attr[str] = field(default="", unique=True)
        key = Key(pk="B#{id}")

    Plain(id="1", x="x#S#1").create()
    Odd(id="1", x="1").create()
    assert len(markers()) == 2


def test_models_of_the_same_type_in_other_tables_do_not_share_values(recorder: Recorder) -> None:
    other = Table(f"{main.name}-other", Layout(range=None))
    provisioning.ensure(other)

    class Elsewhere(Model, table=other, type="user"):
        id: Attr[str]
        email: Attr[str] = field(unique=True)
        key = Key(pk="USER#{id}")

    User(id="1", email="a").create()
    Elsewhere(id="1", email="a").create()
    with pytest.raises(UniqueTaken):
        Elsewhere(id="2", email="a").create()
    Elsewhere.delete(id="1")
    assert markers() == expected()
    assert markers(other) == {}


def test_a_scan_of_a_model_without_a_type_does_not_see_markers(recorder: Recorder) -> None:
    class Only(Model, table=main):
        id: Attr[str]
        email: Attr[str] = field(unique=True)
        key = Key(pk="{id}")

    only = Only(id="1", email="a")
    only.create()
    assert Only.scan().all() == [only]
    assert Only.scan().count() == 1


def test_markers_need_keys_that_are_strings() -> None:
    with pytest.raises(TypeError, match="Numbered has unique fields; its table's keys have to be strings"):

        class Numbered(Model, table=Table("t", Layout("id", None, types={"id": "N"}))):
            id: Attr[int]
            email: Attr[str] = field(unique=True)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, timezone.utc)


@pytest.fixture
def session(time: Clock, recorder: Recorder) -> Session:
    """A session that ends ten seconds from now."""
    session = Session(id="1", token="a", ends=at(10))
    session.create()
    return session


def test_a_value_is_free_when_its_item_has_ended(session: Session, time: Clock) -> None:
    other = Session(id="2", token="a")
    with pytest.raises(UniqueTaken):
        other.create()
    time.now = NOW + 10
    other.create()
    assert markers() == {"unique#session#token#S#a": "SESSION#2"}


PROLONGING: dict[str, Callable[[Session], object]] = {
    "update": lambda _: Session.update(id="1").set(Session.ends, at(20)).run(),
    "save": lambda session: save(session, "ends", at(20)),
    "put": lambda _: Session(id="1", token="a", ends=at(20)).put(),
    "no end": lambda _: Session.update(id="1").remove(Session.ends).run(),
}


@pytest.mark.parametrize("write", PROLONGING)
def test_a_value_is_held_as_long_as_its_item_lives(write: str, session: Session, time: Clock) -> None:
    PROLONGING[write](session)
    time.now = NOW + 15
    with pytest.raises(UniqueTaken):
        Session(id="2", token="a").create()


REVIVING: dict[str, Callable[[], object]] = {
    "create": lambda: Session(id="1", token="a").create(),
    "put": lambda: Session(id="1", token="a").put(),
    "upsert": lambda: Session.upsert(id="1").set(Session.token, "a").set(Session.ends, at(90)).run(),
}


@pytest.mark.parametrize("write", REVIVING)
@pytest.mark.parametrize("taken", [True, False])
def test_what_has_ended_does_not_hold_its_value_any_more(
    write: str, taken: bool, session: Session, time: Clock
) -> None:
    time.now = NOW + 10
    if taken:
        Session(id="2", token="a").create()
        with pytest.raises(UniqueTaken):
            REVIVING[write]()
    else:
        REVIVING[write]()
    assert markers() == {"unique#session#token#S#a": "SESSION#2" if taken else "SESSION#1"}


def test_a_value_ends_with_the_item_that_an_upsert_makes(time: Clock, recorder: Recorder) -> None:
    class Ticket(Model, table=timed, type="ticket"):
        id: Attr[str]
        code: Attr[str] = field(unique=True)
        ends: Attr[datetime | None] = expiry(name="_ttl", after=timedelta(seconds=10))
        key = Key(pk="TICKET#{id}")

    Ticket.upsert(id="1").set(Ticket.code, "a").run()
    time.now = NOW + 9
    with pytest.raises(UniqueTaken):
        Ticket(id="2", code="a").create()
    time.now = NOW + 10
    Ticket(id="2", code="a").create()


def test_deleting_what_has_ended_leaves_a_value_to_whoever_took_it(session: Session, time: Clock) -> None:
    time.now = NOW + 10
    Session(id="2", token="a").create()
    Session.delete(id="1")
    assert markers() == {"unique#session#token#S#a": "SESSION#2"}


class Racing(Table):
    """Lets somebody else act between what is read for a write and the write."""

    def __init__(self) -> None:
        super().__init__(lambda: main.name, main.layout, clock=clock)
        self.meanwhile: list[Callable[[], object]] = []

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = super().call(operation, parameters)
        if operation == "GetItem" and self.meanwhile:
            self.meanwhile.pop(0)()
        return answer


racing = Racing()


class Racer(User, table=racing, type="user"):
    pass


class RacingSession(Session, table=racing, type="session"):
    pass


RACES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "put and update": (lambda: Racer(id="1", email="c").put(), lambda: User.update(id="1").set(User.email, "d").run()),
    "put and delete": (lambda: Racer(id="1", email="c").put(), lambda: User.delete(id="1")),
    "put and create": (lambda: Racer(id="3", email="c").put(), lambda: User(id="3", email="d").create()),
    "update and update": (
        lambda: Racer.update(id="1").set(Racer.email, "c").run(),
        lambda: User.update(id="1").set(User.email, "d").run(),
    ),
    "upsert and create": (
        lambda: Racer.upsert(id="3").set(Racer.email, "c").run(),
        lambda: User(id="3", email="d").create(),
    ),
    "delete and put": (lambda: Racer.delete(id="1"), lambda: User(id="1", email="d").put()),
}


@pytest.mark.parametrize("race", RACES)
def test_what_has_changed_since_it_was_read_is_read_again(race: str, users: tuple[User, User]) -> None:
    write, other = RACES[race]
    racing.meanwhile = [other]
    write()
    assert "d" not in [user.email for user in User.scan()]


def test_a_write_that_others_are_always_ahead_of_fails_at_last(users: tuple[User, User]) -> None:
    emails = iter("cdefghijkl")
    racing.meanwhile = [lambda: User.update(id="1").set(User.email, next(emails)).run() for _ in range(9)]
    with pytest.raises(ConditionFailed, match="email has changed"):
        Racer.update(id="1").set(Racer.email, "z").run()
    racing.meanwhile.clear()
    assert User.by_email.query(email="z").all() == []


def test_a_transaction_says_that_what_was_read_for_it_has_changed(users: tuple[User, User]) -> None:
    t = transaction()
    t.delete(User, id="1")
    save(users[0], "email", "c")
    with pytest.raises(TransactionFailed, match=r"Delete User .*: email has changed"):
        t.run()


def test_a_value_that_another_took_when_the_item_ended_stays_theirs(session: Session, time: Clock) -> None:
    def take() -> None:
        time.now = NOW + 10
        Session(id="2", token="a").create()
        time.now = NOW + 9  # the clock of whoever deletes is behind

    racing.meanwhile = [take, lambda: setattr(time, "now", NOW + 10)]
    RacingSession.delete(id="1")
    assert markers() == {"unique#session#token#S#a": "SESSION#2"}
    assert Session.scan().count() == 1


@pytest.mark.parametrize("ids", ["11111111", "12345678"])
def test_of_concurrent_creations_with_one_value_exactly_one_succeeds(ids: str, recorder: Recorder) -> None:
    def create(id_: str) -> bool:
        try:
            User(id=id_, email="a", number=7).create()
        except (UniqueTaken, AlreadyExists):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(create, ids)).count(True) == 1
    assert markers() == expected()
    assert len(markers()) == 2


def test_concurrent_writes_of_one_item_leave_the_markers_of_the_last(users: tuple[User, User]) -> None:
    def write(number: int) -> None:
        try:
            if number % 3 == 0:
                User(id="1", email=f"p{number}").put()
            elif number % 3 == 1:
                User.update(id="1").set(User.email, f"u{number}").run()
            else:
                User.delete(id="1")
        except (NotStored, TransactionFailed, ConditionFailed):
            pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(24)))


@pytest.mark.parametrize("seed", range(3))
def test_random_writes_do_what_a_dictionary_says(seed: int, recorder: Recorder) -> None:
    chance = random.Random(seed)
    model: dict[str, Values] = {}

    def taken(id_: str, values: Values) -> bool:
        others = [held for other, held in model.items() if other != id_]
        return any(
            value is not None and value in [held[place] for held in others] for place, value in enumerate(values)
        )

    for _ in range(120):
        id_, values = chance.choice("123"), (chance.choice([None, *"abc"]), chance.choice([None, 1, 2]))
        before = model.get(id_)
        write = chance.choice(["create", "put", "save", "update", "email", "upsert", "delete", "destroy"])
        after, error = _outcome(write, before, values)
        if error is None and after is not None and taken(id_, after):
            error = UniqueTaken
        if error is None:
            _write(write, id_, values)
            model.pop(id_, None)
            if after is not None:
                model[id_] = after
        else:
            with pytest.raises(error):
                _write(write, id_, values)
        assert {user.id: (user.email, user.number) for user in User.scan().consistent()} == model
        assert markers() == expected()


Values = tuple["str | None", "int | None"]


def _outcome(write: str, before: Values | None, values: Values) -> tuple[Values | None, type[Exception] | None]:
    """What is there afterwards if no value is taken, or the error."""
    if write == "create" and before is not None:
        return before, AlreadyExists
    if write in ("save", "update", "email") and before is None:
        return None, NotStored
    if write == "email" and before is not None:
        return (values[0], before[1]), None
    return (None if write in ("delete", "destroy") else values), None


def _write(write: str, id_: str, values: Values) -> None:
    email, number = values
    user = User(id=id_, email=email, number=number)
    if write in ("create", "put"):
        getattr(user, write)()
    elif write == "save":
        stored = User.get(id=id_, consistent=True)
        if stored is None:
            raise NotStored(None)
        stored.email, stored.number = values
        stored.save()
    elif write == "destroy":
        user.destroy()
    elif write == "delete":
        User.delete(id=id_)
    elif write == "email":
        User.update(id=id_).set(User.email, email).run()
    else:
        update = User.update(id=id_) if write == "update" else User.upsert(id=id_)
        update.set(User.email, email).set(User.number, number).run()
