from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from chalicelib.dynamo.errors import StaleVersion, UniqueTaken
from chalicelib.dynamo.fields import Attr, Options, field, timestamp, version
from chalicelib.dynamo.hooks import Creation
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.plugins import Registry
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main


class Slugs:
    """Gives models a field made of their ``name``, a method that tells its address, and keeps count of its models."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.models: list[str] = []
        self.created: list[str] = []

    def register(self, registry: Registry) -> None:
        self.models.append(registry.model.__name__)
        slug = registry.field("slug", str | None)

        def create(event: Creation) -> None:
            setattr(event.item, slug.field, event.item.name.lower())

        registry.before("create", create)
        registry.after("create", lambda event: self.created.append(event.item.slug))
        registry.method("address", lambda item: self.prefix + item.slug)
        registry.method("by_slug", classmethod(lambda cls, text: cls.scan().where(cls.slug == text).first()))


slugs = Slugs("/pages/")


class Page(Model, table=main, type="page", plugins=[slugs]):
    name: Attr[str]
    key = Key(pk="PAGE#{name}")


class News(Page, type="news"):
    text: Attr[str] = field(default="")


def test_a_plugin_adds_functions_a_field_and_methods(recorder: Recorder) -> None:
    slugs.created.clear()
    page: Any = Page(name="Emma")
    page.create()
    assert slugs.created == ["emma"]
    assert (page.slug, page.address()) == ("emma", "/pages/emma")
    of_model: Any = Page
    assert of_model.by_slug("emma") == page
    assert page.to_dict()["slug"] == "emma"


def test_derived_models_have_the_plugin_too(recorder: Recorder) -> None:
    news: Any = News(name="Emma", text="x")
    news.create()
    of_model: Any = News
    assert of_model.by_slug("emma") == news
    assert news.address() == "/pages/emma"
    assert of_model.slug.owner is Page


def test_a_plugin_is_registered_once_for_each_model_that_has_a_table() -> None:
    plugin = Slugs("")

    class Base(Model, plugins=[plugin]):
        name: Attr[str]
        key = Key(pk="{name}")

    class First(Base, table=main):
        pass

    class Second(First, plugins=[plugin]):
        pass

    class Third(Base, table=main):
        pass

    assert plugin.models == ["First", "Second", "Third"]


@pytest.mark.parametrize("member", ["field", "method"])
def test_a_plugin_does_not_take_the_place_of_a_member(member: str) -> None:
    class Greedy:
        def register(self, registry: Registry) -> None:
            if member == "field":
                registry.field("name", str)
            else:
                registry.method("create", lambda _: None)

    with pytest.raises(TypeError, match=r"has a member (name|create) already"):

        class Taken(Model, table=main, plugins=[Greedy()]):
            name: Attr[str]
            key = Key(pk="{name}")


def test_two_plugins_cannot_give_the_same_method() -> None:
    with pytest.raises(TypeError, match="has a member slug already"):

        class Twice(Model, table=main, plugins=[Slugs("a"), Slugs("b")]):
            name: Attr[str]
            key = Key(pk="{name}")


def test_a_plugin_s_field_needs_a_default() -> None:
    class Demanding:
        def register(self, registry: Registry) -> None:
            registry.field("owner", str, Options())

    with pytest.raises(TypeError, match="owner: a plugin's field needs a default"):

        class Demanded(Model, table=main, plugins=[Demanding()]):
            name: Attr[str]
            key = Key(pk="{name}")


def test_a_plugin_s_field_may_be_one_of_a_built_in_plugin(recorder: Recorder) -> None:
    class Tracked:
        def register(self, registry: Registry) -> None:
            registry.field("created", datetime, timestamp(on="create"))

    class Thing(Model, table=main, plugins=[Tracked()]):
        name: Attr[str]
        key = Key(pk="{name}")

    thing: Any = Thing(name="a")
    thing.create()
    assert isinstance(thing.created, datetime)


class Entity(Model):
    """What others inherit; the columns of one of them have other names."""

    id: Attr[str]
    email: Attr[str | None] = field(default=None, unique=True)
    counter: Attr[int] = version()
    made: Attr[datetime] = timestamp(on="create")
    key = Key(pk="{id}")


class User(Entity, table=main, type="user"):
    counter: Attr[int] = version(name="v")
    changed: Attr[datetime] = timestamp(on="update", storage="seconds")
    phone: Attr[str | None] = field(default=None, unique=True)


class Staff(User, type="staff"):
    email: Attr[str | None] = field(default=None)


def test_built_in_plugins_are_bound_to_the_derived_model_s_fields(recorder: Recorder) -> None:
    user = User(id="1", email="a", phone="1")
    user.create()
    assert user.stored is not None
    assert user.stored["v"] == {"N": "1"}
    assert "counter" not in user.stored
    assert user.stored["changed"].keys() == {"N"}
    assert user.stored["made"].keys() == {"S"}
    for other in (User(id="2", email="a"), User(id="2", phone="1")):
        with pytest.raises(UniqueTaken):
            other.create()
    stale = User.get(id="1")
    assert stale is not None
    user.phone = "2"
    user.save()
    assert user.counter == 2
    with pytest.raises(StaleVersion):
        stale.put()


def test_a_field_that_a_derived_model_declares_anew_is_what_it_says_there(recorder: Recorder) -> None:
    Staff(id="1", email="a", phone="1").create()
    Staff(id="2", email="a").create()
    with pytest.raises(UniqueTaken):
        Staff(id="3", phone="1").create()
    assert Staff.update(id="1").set(Staff.email, "b").run().counter == 2


@pytest.mark.parametrize("kind", ["version", "expiry"])
def test_a_model_has_one_version_and_one_expiry(kind: str) -> None:
    plugin = (kind, {"after": None})
    with pytest.raises(TypeError, match=f"second is a second {kind}; a model has one"):

        class Twice(Model, table=main):
            id: Attr[str]
            first: Attr[int] = Options(name="_ttl", default=None, plugin=plugin)  # type: ignore[assignment]
            second: Attr[int] = Options(default=None, plugin=plugin)  # type: ignore[assignment]
            key = Key(pk="{id}")
