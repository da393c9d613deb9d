"""A codec written for one schema: Python source, a line or two for each field, compiled.

It does what the general one does for values as they should be, several times as fast, and leaves everything else to
it: a subclass, a missing value, an error. Of what a caller gives only names are in the source, as literals (``repr``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue, Invalid, Item
from chalicelib.dynamo.types import type_of
from chalicelib.dynamo.types.base import FAILURES, Type
from chalicelib.dynamo.types.scalars import ANYTHING, TEXT

Encode = Callable[[Mapping[str, Any]], Item]
Decode = Callable[[Mapping[str, AttributeValue]], dict[str, Any]]
Field = tuple[str, str, Callable[[Any], AttributeValue], bool, Type]
"""Name, stored name, encoder with its checks, whether it is required, type."""

_INT, _FLOAT, _BOOL = type_of(int), type_of(float), type_of(bool)
_STORING = {
    TEXT: ("v.__class__ is str", '{"S": v}'),
    _INT: (f"v.__class__ is int and -{10**18} < v < {10**18}", '{"N": f"{v}"}'),
    _FLOAT: (
        "v.__class__ is float and (1e-130 <= v < 1e126 or -1e126 < v <= -1e-130 or v == 0)",
        '{"N": f"{v!r}" if v else "0"}',
    ),
    _BOOL: ("v is True or v is False", '{"BOOL": v}'),
}
_LOADING = {TEXT: 'V["S"]', _INT: 'int(V["N"])', _FLOAT: 'float(V["N"])', _BOOL: 'V["BOOL"]'}


def encoder(fields: Sequence[Field], general: Encode) -> Encode:
    """The encoder of a schema's fields."""
    names: dict[str, Any] = {"general": general, "Invalid": Invalid}
    tests: list[str] = []
    needs: list[str] = []
    calls: list[str] = []
    for number, (name, stored, encode, required, type_) in enumerate(fields):
        names[f"e{number}"] = encode
        target = f"item[{stored!r}]"
        otherwise = " else: return general(values)" if required else " elif v is not None: return general(values)"
        read = f"v = get({name!r})"
        plain = encode is type_.encode
        if plain and type_ in _STORING:
            test, value = _STORING[type_]
            tests += [f" {read}", f" if {test}: {target} = {value}", otherwise]
        elif plain and _is_texts(type_):
            tests += [
                f" {read}",
                " if type(v) is list:",
                '  texts = [{"S": e} for e in v if type(e) is str]',
                "  if len(texts) != len(v): return general(values)",
                f'  {target} = {{"L": texts}}',
                otherwise,
            ]
        else:
            needs += [f" if get({name!r}) is None: return general(values)"] if required else []
            calls += [f"  {read}", f"  if v is not None: {target} = e{number}(v)"]
    # What is called comes last: to encode a nested document again would apply its ``set`` functions twice.
    rest = [*needs, " try:", *calls, " except Invalid: return general(values)"] if calls else []
    start = ["def encode(values):", " get = values.get"]
    names["one_by_one"] = _compiled([*start, " item = {}", *tests, *rest, " return item"], names, "encode")
    made: Encode = _compiled([*start[: 2 if rest else 1], *_whole(fields), *rest, " return item"], names, "encode")
    return made


def _whole(fields: Sequence[Field]) -> list[str]:
    """The lines that make an item of every plain field at once; if one is None or strange they give it back."""
    read, tests, members = [], [], []
    for number, (name, stored, encode, _, type_) in enumerate(fields):
        variable = f"v{number}"
        if encode is not type_.encode or not (type_ in _STORING or _is_texts(type_)):
            continue
        read.append((name, variable))
        if type_ in _STORING:
            test, value = _STORING[type_]
            tests.append(f"({_renamed(test, variable)})")
            members.append(f"{stored!r}: {_renamed(value, variable)}")
        else:
            texts = f"{variable}_texts"
            tests.append(f"{variable}.__class__ is list")
            tests.append(f'len({texts} := [{{"S": e}} for e in {variable} if e.__class__ is str]) == len({variable})')
            members.append(f'{stored!r}: {{"L": {texts}}}')
    reads = [f"  {variable} = values[{name!r}]" for name, variable in read]
    return [
        " try:",
        "  pass",
        *reads,
        " except KeyError: return one_by_one(values)",
        f" if not ({' and '.join(['True', *tests])}): return one_by_one(values)",
        f" item = {{{', '.join(members)}}}",
    ]


def _renamed(text: str, variable: str) -> str:
    return re.sub(r"\bv\b", variable, text)


def decoder(fields: Sequence[Field], general: Decode) -> Decode:
    """The decoder of a schema's fields: for items that have them all, and for those that lack some."""
    names: dict[str, Any] = {"general": general, "failures": FAILURES, "decode_map": codec.decode_map}
    whole, one_by_one = [], []
    for number, (name, stored, _, _, type_) in enumerate(fields):
        names[f"d{number}"] = type_.decode
        loading = _LOADING.get(type_, f"d{number}(V)")
        if _is_texts(type_):
            loading = '[e["S"] for e in V["L"]]'
        elif type_.element is ANYTHING and type_.kinds == {"M"} and type_.plain:
            loading = 'decode_map(V["M"])'
        whole.append(f"{name!r}: {loading.replace('V', f'item[{stored!r}]')}")
        one_by_one += [f"  v = get({stored!r})", f"  if v is not None: values[{name!r}] = {loading.replace('V', 'v')}"]
    lines = ["def decode(item):", f" if len(item) >= {len(whole)}:", f"  try: return {{{', '.join(whole)}}}"]
    lines += ["  except failures: pass", " get = item.get", " values = {}", " try:", "  pass", *one_by_one]
    lines += [" except failures:", "  return general(item)", " return values"]
    made: Decode = _compiled(lines, names, "decode")
    return made


def _is_texts(type_: Type) -> bool:
    return type_.element is TEXT and type_.kinds == {"L"} and type_.plain


def _compiled(lines: list[str], names: dict[str, Any], function: str) -> Any:
    exec(compile("\n".join(lines), "<schema>", "exec"), names)  # noqa: S102 - this module's own text, and literals
    return names[function]
