from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.errors import Invalid, Item, UnknownAttribute, WrongType
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.population import populate
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table

from .library import Author, Novel, Place, Publisher, Review, novel
from .wire import assert_valid


class Nodes:
    """A session that has nodes and nothing else, and only gets them."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.asked: list[list[str]] = []

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert_valid(operation, parameters)
        ids = [key["id"]["S"] for key in parameters["RequestItems"]["nodes"]["Keys"]]
        self.asked.append(ids)
        return {"Responses": {"nodes": [self.items[id_] for id_ in ids if id_ in self.items]}}


nodes = Nodes()


class Node(Model, table=Table("nodes", Layout("id", None), connect=lambda: cast("Session", nodes))):
    id: Attr[str]
    next: Attr[Ref[Node] | None] = field(default=None)


def _to(id_: str | None) -> Ref[Node] | None:
    return None if id_ is None else Ref(Node, id=id_)


PATHS = ["author.publisher", "reviews.user", "editors.mentor", "best.user.mentor.publisher", "scene", "translators"]


def author(id_: str, publisher: int | None = None, mentor: str | None = None) -> Author:
    return Author(
        id=id_,
        name=id_.upper(),
        publisher=None if publisher is None else Ref(Publisher, number=publisher),
        mentor=None if mentor is None else Ref(Author, id=mentor),
    )


def keys_asked_for(recorder: Recorder) -> list[int]:
    """How many keys each BatchGetItem has; there is no other call."""
    assert set(recorder.operations) <= {"BatchGetItem"}
    return [len(part["Keys"]) for call in recorder.calls for part in call.parameters["RequestItems"].values()]


def test_the_references_of_many_objects_are_loaded_with_one_call(recorder: Recorder) -> None:
    Author.put_many([author("a"), author("b")])
    novels = [novel(str(number), "ab"[number % 2]) for number in range(60)]
    recorder.calls.clear()
    populate(novels, "author")
    assert keys_asked_for(recorder) == [2]
    assert {one.author.item.name for one in novels if one.author.item} == {"A", "B"}
    assert novels[0].author.item is novels[2].author.item


def test_every_level_is_one_call_for_all_paths_and_models(recorder: Recorder) -> None:
    Author.put_many([author("a", 1), author("b", mentor="d"), author("c", 2), author("d", 3)])
    Publisher.put_many([Publisher(number=number) for number in (1, 2, 3)])
    Place(country="gb", number=1).put()
    one = novel(
        "1",
        "a",
        editors=[Ref(Author, id="b"), Ref(Author, id="x")],
        scene=Ref(Place, country="gb", number=1),
        reviews=[Review(user=Ref(Author, id="c")), Review()],
        best=Review(user=Ref(Author, id="b")),
        translators={"de": Ref(Author, id="a")},
    )
    recorder.calls.clear()
    populate([one, novel("2", "a")], *PATHS)
    # First a, b, c, x and the place, then the publisher of a and the mentor d, then the publisher of d.
    assert keys_asked_for(recorder) == [5, 2, 1]
    assert one.author.item is not None
    assert one.author.item.publisher is not None
    assert one.author.item.publisher.item == Publisher(number=1)
    assert [editor.item and editor.item.id for editor in one.editors] == ["b", None]
    assert one.reviews[0].user is not None
    assert one.reviews[0].user.item == author("c", 2)
    assert one.scene is not None
    assert one.scene.item == Place(country="gb", number=1)
    assert one.translators["de"].item is one.author.item
    assert one.best is not None
    assert one.best.user is not None
    assert one.best.user.item is one.editors[0].item
    mentor = one.best.user.item.mentor if one.best.user.item else None
    assert mentor is not None
    assert mentor.item is not None
    assert mentor.item.publisher is not None
    assert mentor.item.publisher.item == Publisher(number=3)


def test_more_than_100_items_of_a_level_take_a_call_for_each_100(recorder: Recorder) -> None:
    populate([novel(str(number), f"a{number}") for number in range(150)], "author")
    assert sorted(keys_asked_for(recorder)) == [50, 100]


def test_a_reference_whose_item_is_missing_has_none(recorder: Recorder) -> None:
    one = novel()
    populate([one], "author.publisher")
    assert one.author.loaded
    assert one.author.item is None
    assert keys_asked_for(recorder) == [1]


def test_what_is_loaded_already_is_not_loaded_again(recorder: Recorder) -> None:
    ann = author("a", publisher=1)
    one, two = novel("1", "a"), novel("2", "a")
    one.author = Ref.to(ann)
    populate([one, two], "author")
    assert recorder.calls == []
    assert two.author.item is ann
    populate([one, two, None], "author.publisher")
    assert keys_asked_for(recorder) == [1]


def test_a_query_populates_what_it_gives(recorder: Recorder) -> None:
    Author(id="a").put()
    novel().put()
    recorder.calls.clear()
    (found,) = Novel.query(isbn="1").populate("author").all()
    assert found.author.item == Author(id="a")
    assert recorder.operations == ["Query", "BatchGetItem"]


def test_reads_are_consistent_when_that_is_asked_for(recorder: Recorder) -> None:
    populate([novel()], "author", consistent=True)
    (part,) = recorder.calls[0].parameters["RequestItems"].values()
    assert part["ConsistentRead"] is True


def test_an_alias_is_a_name_too(recorder: Recorder) -> None:
    one = novel(translators={"de": Ref(Author, id="a")})
    populate([one], "translated_by")
    assert one.translators["de"].loaded


def test_a_reference_by_another_name_for_its_type_is_one(recorder: Recorder) -> None:
    one = novel(illustrator=Ref(Author, id="a"))
    populate([one], "illustrator.mentor")
    assert one.illustrator is not None
    assert one.illustrator.loaded


def test_what_was_not_loaded_of_an_object_is_passed_over(recorder: Recorder) -> None:
    part = Novel.from_item(novel().to_item(), {"title"})
    del part.__dict__["author"]
    populate([part], "author")
    assert recorder.calls == []


def test_elements_of_sets_are_populated(recorder: Recorder) -> None:
    readers = {Ref(Author, id="a"), Ref(Author, id="b")}
    populate([novel(readers=readers)], "readers")
    assert all(reader.loaded for reader in readers)


@pytest.mark.parametrize(
    ("path", "error", "where", "reason"),
    [
        ("colour", UnknownAttribute, ["colour"], "is no field of Novel"),
        ("author.colour", UnknownAttribute, ["author", "colour"], "is no field of Author"),
        ("reviews.colour", UnknownAttribute, ["reviews", "colour"], "is no field of Review"),
        ("author.publisher.author", UnknownAttribute, ["author", "publisher", "author"], "is no field of Publisher"),
        ("", UnknownAttribute, [""], "is no field of Novel"),
        ("title", WrongType, ["title"], "is no reference"),
        ("title.author", WrongType, ["title"], "is no reference"),
        ("reviews", WrongType, ["reviews"], "is no reference"),
        ("reviews.text", WrongType, ["reviews", "text"], "is no reference"),
    ],
)
def test_a_path_that_leads_to_no_reference_is_refused_before_any_call(
    recorder: Recorder, path: str, error: type[Invalid], where: list[str], reason: str
) -> None:
    with pytest.raises(error) as refused:
        populate([novel()], "author", path)
    assert (refused.value.path, refused.value.reason) == (where, reason)
    assert recorder.calls == []


def test_nothing_to_populate_makes_no_call(recorder: Recorder) -> None:
    populate([], "author")
    populate([novel()])
    populate([novel()], "editors", "scene", "best.user")
    assert recorder.calls == []


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdefx") | st.none()),
    st.lists(st.sampled_from("abcdefx")),
    st.integers(1, 5),
)
def test_a_chain_is_followed_to_its_depth_and_every_item_asked_for_once(
    following: dict[str, str | None], first: list[str], depth: int
) -> None:
    nodes.asked.clear()
    nodes.items = {id_: Node(id=id_, next=_to(then)).to_item() for id_, then in following.items()}
    starts = [Node(id="start", next=_to(id_)) for id_ in first]
    populate(starts, ".".join(["next"] * depth))
    together = [id_ for ids in nodes.asked for id_ in ids]
    assert len(together) == len(set(together))
    assert len(nodes.asked) <= depth
    for start in starts:
        reference = start.next
        for _ in range(depth):
            if reference is None:
                break
            id_ = reference.key["id"]
            found = reference.item
            assert (found and found.next) == (_to(following[id_]) if id_ in following else None)
            reference = None if found is None else found.next
