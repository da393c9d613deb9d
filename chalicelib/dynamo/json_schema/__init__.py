"""Models made at run time from a JSON Schema (2020-12), and the JSON Schema of a model.

A property is a field of the same name, or where that is no identifier or a member of models already, of one made from
it: ``first-name`` becomes ``first_name``, ``key`` becomes ``key_``. Keys, conditions and updates go by fields. The
constructor, ``parse``, ``to_dict``, stored items and errors have the property's own name.

Whole documents are validated when they are parsed or stored (``create``, ``put``, ``save``), not when they are loaded:
they may be older than the schema. An update validates each property that it sets as a whole, and nothing else: not what
it adds, appends, removes or sets deeper, nor what the schema says of properties together (``required``, ``if``).

A property that is not required is None where it is absent, and null there is stored as absent.
"""

from __future__ import annotations

import copy
import keyword
import re
from collections.abc import Callable, Collection, Mapping
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.dynamo.errors import AttributeValue, ConstraintViolated, Unstorable, WrongType
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.json_schema.contracts import Contract, InvalidDocument
from chalicelib.dynamo.json_schema.description import schema_of
from chalicelib.dynamo.json_schema.property_types import annotation_of
from chalicelib.dynamo.keys import TYPE
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.schema import Schema
from chalicelib.dynamo.serializers import Serializer
from chalicelib.dynamo.types.containers import check_name

__all__ = ["InvalidDocument", "Runtime", "model_of", "schema_of"]

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.keys import Index, Key
    from chalicelib.dynamo.tables import Table


class CheckedSchema(Schema):
    """The schema of a model with a contract, which holds for its documents and for each field that is updated."""

    contract: Contract

    def encode_field(self, name: str, value: Any) -> AttributeValue:
        """See ``Schema``.

        Raises:
            InvalidDocument: the property's schema does not admit the value.
        """
        prop = self.contract.names.get(name, name)
        if value is not None or prop in self.contract.nulls:
            self.contract.check({prop: value}, partial=True)
        return super().encode_field(name, value)


class Runtime(Model):
    """The base of the models that are made of JSON Schemas."""

    contract: ClassVar[Contract]
    shown: ClassVar[Serializer]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        checked = CheckedSchema(cls, cls.schema.fields, cls.schema.unknown)
        checked.ignored, checked.contract, checked.validator = cls.schema.ignored, cls.contract, cls.contract.validate
        cls.schema = checked

    def __init__(self, **values: Any) -> None:
        contract = self.contract
        super().__init__(**{contract.fields.get(name, name): value for name, value in values.items()})
        for prop in contract.nested:
            name = contract.fields[prop]
            part = copy.deepcopy({prop: self.__dict__[name]})
            contract.whole.fill_defaults(part)
            self.__dict__[name] = part[prop]

    def check(self) -> None:
        """See ``Document``: of unknown attributes the validator of the schema knows nothing."""
        extra = getattr(self, "extra", None)
        if extra:
            values = self.__dict__
            document = {**extra, **self.contract.document(values)}
            self.contract.check(document, partial=len(values) < len(self.contract.fields))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """An object of a JSON document, with defaults where it lacks something.

        Raises:
            InvalidDocument: it fails the schema. ConstraintViolated: it has an unknown attribute that is a key's.
        """
        contract, whole = cls.contract, copy.deepcopy(dict(document))
        contract.whole.fill_defaults(whole)
        contract.check(whole)
        extra = {name: value for name, value in whole.items() if name not in contract.fields}
        for name in extra:
            if name in cls.schema.ignored:
                raise ConstraintViolated("is an attribute of a key, and no property", [name])
        made = cls(**{contract.fields[name]: value for name, value in whole.items() if name in contract.fields})
        made.extra = extra
        return made

    def to_dict(self) -> dict[str, Any]:
        """The object's document: properties by their own names, without those that are absent."""
        return self.shown.dump(self)


def model_of(
    schema: Mapping[str, Any],
    *,
    table: Table,
    key: Key,
    name: str,
    type_name: str | None,
    indexes: Mapping[str, Index],
) -> type[Model]:
    """The model of a schema's documents; see ``Model.from_schema`` and the module.

    Unknown attributes are rejected where ``additionalProperties`` is false and there are no ``patternProperties``, and
    kept otherwise. The schema is compiled at the first validation, which raises ``jsonschema_rs.ValidationError`` when
    it is none.

    Raises:
        TypeError: the schema is none of an object; a key names what is no field; a property has the name of a key
            attribute and is not that key, or one that no attribute can have.
    """
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise TypeError("A model is made of the schema of an object.")
    properties = schema.get("properties", {})
    contract = Contract(copy.deepcopy(dict(schema)), _field_names(properties, indexes))
    _check_stored(properties, table, key, indexes)
    namespace = {
        **{contract.fields[prop]: _options(prop, part, schema) for prop, part in properties.items()},
        **indexes,
        "key": key,
        "contract": contract,
        "__annotations__": {
            contract.fields[prop]: Attr[annotation_of(part, schema.get("$defs", {}))]  # type: ignore[misc]
            for prop, part in properties.items()
        },
        "__doc__": schema.get("description"),
        "__module__": __name__,
    }
    closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    keywords = {"table": table, "type": type_name, "unknown": "reject" if closed else "keep"}
    made: Any = new_class(name, (Runtime,), keywords, lambda body: body.update(namespace))
    fields = made.schema.fields.items()
    contract.nulls.update(contract.names[field_] for field_, attr in fields if attr.required and attr.type.nullable)
    made.shown = Serializer(names=contract.names, modify=_without_absent(contract))
    result: type[Model] = made
    return result


def _without_absent(contract: Contract) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    absent = contract.fields.keys() - contract.nulls
    return lambda shown, _: {prop: value for prop, value in shown.items() if value is not None or prop not in absent}


def _options(prop: str, part: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(part, Mapping) and "default" in part:
        return field(name=prop, default=copy.deepcopy(part["default"]))
    return field(name=prop) if prop in schema.get("required", ()) else field(name=prop, default=None)


def _field_names(properties: Collection[str], members: Collection[str]) -> dict[str, str]:
    """The field of each property: its own name where that can be, for all of these first."""
    names = {prop: prop for prop in properties if _is_free(prop, members)}
    for prop in properties:
        if prop not in names:
            made = re.sub(r"\W", "_", prop) or "_"
            made = f"_{made}" if made[0].isdigit() else made
            while made in names.values() or not _is_free(made, members):
                made += "_"
            names[prop] = made
    return {prop: names[prop] for prop in properties}


def _is_free(name: str, members: Collection[str]) -> bool:
    declared = any(name in vars(base).get("__annotations__", ()) for base in Runtime.__mro__)
    return name.isidentifier() and not (
        keyword.iskeyword(name) or name in members or declared or hasattr(Runtime, name)
    )


def _check_stored(properties: Collection[str], table: Table, key: Key, indexes: Mapping[str, Index]) -> None:
    keys = {TYPE: ""}
    for access in (key, *indexes.values()):
        keys.update(
            zip(table.layout.keys(access.index), [template.text for template in access.templates], strict=False)
        )
    for prop in properties:
        if prop in keys and keys[prop] != f"{{{prop}}}":
            raise TypeError(f"The property {prop!r} has the name of a key attribute that is not composed of it alone.")
        try:
            check_name(prop)
        except (Unstorable, WrongType) as error:
            raise TypeError(f"The property {prop[:50]!r} {error.reason}.") from None
