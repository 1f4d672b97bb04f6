"""Builds what a saved file holds out of the tree of what is written in it.

Nothing that a file names is called. A class of the table of states is made empty and
given the state that the table allows; what is made by a call has a function of our own
in `convert.saved.makers`; a name may stand for itself where it is a type or a pure function.
Whoever trusts a name has that one called as pickle calls it, and all else built so.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.bounds import check_bounds
from convert.saved.makers import MAKERS, WITH_PAIRS, WITH_STATE, Maker, find_maker
from convert.saved.makers.arrays import plain_dtype, raw
from convert.saved.names import N_SHOWN, classes, find, missing, shown, values
from convert.saved.states import check_state
from convert.saved.steps import check_steps
from convert.saved.written import Made, Name, RawArray

MAX_DEPTH = 100
"""Of things in each other; a pipeline of scikit-learn's in ten others has 30."""

DAMAGED = "copy the file again from where it was saved, or save it again"

REQUESTS = {
    ("sklearn.utils._metadata_requests", name)
    for name in ("MetadataRequest", "MethodMetadataRequest")
}
"""They keep their owner to name it in messages, and it keeps them: a circle."""

CONSTANTS = frozenset({type(None), bool, int, float, complex, str, bytes})


def build(tree: Any, trusted: Collection[str] = ()) -> Any:
    """Build what a tree describes.

    Parameters
    ----------
    trusted
        "module.name" that may be imported and called beside what is listed.

    Raises
    ------
    Refusal
        Something in it is not as its library would have written it, or what is
        listed is not installed here.
    """
    return _Builder(trusted).build(tree)


class _Builder:
    """Builds each thing once, however often the file refers to it.

    Parameters
    ----------
    place
        Keys, attributes and positions from the root to what is being built.
    built
        By the identity of the node; nothing while it is being built.
    """

    def __init__(self, trusted: Collection[str]) -> None:
        self.trusted = frozenset(trusted)
        self.place: list[str] = []
        self.built: dict[int, Any] = {}

    def build(self, node: Any) -> Any:
        kind = type(node)
        if kind in CONSTANTS:
            return node
        key = id(node)
        if key in self.built:
            if self.built[key] is _UNFINISHED:
                raise self.refusal("holds itself: save it without that")
            return self.built[key]
        if len(self.place) > MAX_DEPTH:
            raise Unreadable(f"it nests deeper than {MAX_DEPTH}: {DAMAGED}")
        self.built[key] = _UNFINISHED
        made = BUILDERS[kind](self, node)
        self.built[key] = made
        return made

    def within(self, step: str, node: Any) -> Any:
        """Build a part of what is being built."""
        if type(node) in CONSTANTS:
            return node
        self.place.append(step)
        made = self.build(node)
        self.place.pop()
        return made

    def refusal(self, sentence: str) -> Refusal:
        return Unreadable(f"{self.where} {sentence}")

    @property
    def where(self) -> str:
        """The place as Python would write it, from "pipeline" on."""
        return "pipeline" + "".join(self.place)

    def name(self, named: Name) -> Any:
        """Return what may stand for itself.

        Raises
        ------
        Unreadable
            If it is neither trusted nor listed, or is not installed here.
        """
        if str(named) in self.trusted or (named.module, named.name) in values():
            return find(named)
        if (named.module, named.name) in classes():  # a class that somebody saved
            return find(named)
        raise self.refusal(
            f"is {shown(str(named))} itself, where a value is expected: use a "
            f"function of numpy, or save the pipeline without it"
        )

    def items(self, node: Any) -> list[Any]:
        if CONSTANTS.issuperset(map(type, node)):
            return list(node)
        return [self.within(f"[{i}]", item) for i, item in enumerate(node)]

    def mapping(self, node: dict[Any, Any]) -> dict[Any, Any]:
        found = dict(self.pair(key, value) for key, value in node.items())
        if len(found) < len(node):
            raise self.refusal("has two keys that are one to Python: save it again")
        return found

    def pair(self, key: Any, value: Any) -> tuple[Any, Any]:
        if type(key) not in CONSTANTS:
            key = self.within(" (a key)", key)
        return key, self.within(_step(key), value)

    def array(self, node: RawArray) -> Any:
        kind = node.dtype
        if isinstance(kind, str):
            kind = self.checked(lambda: plain_dtype(node.dtype))
        else:
            kind = self.within("", kind)
        objects = self.within("", node.objects)
        return self.checked(lambda: raw(node, kind, objects))

    def checked(self, make: Callable[[], Any]) -> Any:
        """Return what a function makes, which does not know where it is.

        Raises
        ------
        Unreadable
            If the function refuses; the sentence says where it is.
        """
        try:
            return make()
        except Refusal as refusal:
            raise self.refusal(f"{refusal}: {DAMAGED}") from refusal

    def object(self, node: Made) -> Any:
        """Make what a call makes: by a function of ours, as a class, or as trusted.

        Raises
        ------
        Unreadable
            If it is made by what is no name, or calls what no fitted pipeline does.
        """
        named = _named(node)
        if named is None:
            raise self.refusal(f"is made by what is no name: {DAMAGED}")
        if str(named) in self.trusted:
            return self.trusted_object(named, node)
        maker = find_maker(str(named))
        if maker is not None:
            return self.rebuilt(named, node, maker)
        if (named.module, named.name) in classes() and node.how == "new":
            return self.instance(named, node)
        raise self.refusal(
            f"calls {shown(str(named))}, which no fitted pipeline does: {DAMAGED}"
        )

    def rebuilt(self, named: Name, node: Made, maker: Maker) -> Any:
        if node.keywords or node.items:
            more = "keywords" if node.keywords else "items of a list"
            raise self.refusal(f"is made with {more}: {DAMAGED}")
        name = MAKERS[str(named)]
        if (node.states and name not in WITH_STATE) or len(node.states) > 1:
            raise self.refusal(f"is a {named.name} with a state too many: {DAMAGED}")
        if node.pairs and name not in WITH_PAIRS:
            raise self.refusal(f"is a {named.name} with items of its own: {DAMAGED}")
        given = Made(
            named,
            tuple(self.argument(part) for part in node.arguments),
            how=node.how,
            states=[self.argument(state) for state in node.states],
            pairs=[self.pair(key, value) for key, value in node.pairs],
        )
        try:
            return self.checked(lambda: maker(given))
        except (ImportError, OSError) as error:
            raise Unreadable(missing(named, error)) from error

    def argument(self, node: Any) -> Any:
        """Build what a maker of ours takes; it compares names and never calls them."""
        if isinstance(node, Name):
            return node
        if type(node) is tuple:  # a state, with names in it
            return tuple(map(self.argument, node))
        if type(node) is dict:
            return {key: self.argument(part) for key, part in node.items()}
        return self.within("", node)

    def instance(self, named: Name, node: Made) -> Any:
        """Make an instance of a listed class, of the state that the table allows.

        Raises
        ------
        Unreadable
            If it is made with more than a state, or its state is not as its library
            would have written it.
        """
        if node.arguments or node.keywords or node.items or node.pairs:
            raise self.refusal(f"is a {named.name} that is made with more than a state")
        cls = find(named)
        state = self.state(named, node)
        check_state((named.module, named.name), state, self.where, self.trusted)
        made = cls.__new__(cls)
        if node.states:
            set_state(made, state)
        self.checked(lambda: check_steps(made))
        self.checked(lambda: check_bounds(made))
        return made

    def state(self, named: Name, node: Made) -> dict[str, Any]:
        if not node.states:
            return {}
        state, *more = node.states
        if (
            more
            or type(state) is not dict
            or not all(type(key) is str for key in state)
        ):
            raise self.refusal(f"is a {named.name} whose state is none: {DAMAGED}")
        if (named.module, named.name) in REQUESTS and "owner" in state:
            state = state | {"owner": self.owner(state.get("owner"))}
        return {key: self.within(_attribute(key), part) for key, part in state.items()}

    def owner(self, node: Any) -> Any:
        """Return an owner that is being built by its name, as before scikit-learn 1.8."""
        is_around = self.built.get(id(node)) is _UNFINISHED
        return str(node.maker.name) if is_around else node

    def trusted_object(self, named: Name, node: Made) -> Any:
        """Do what pickle does."""
        maker = find(named)
        arguments = self.items(node.arguments)
        keywords = self.mapping(dict(node.keywords))
        make = partial(maker.__new__, maker) if node.how == "new" else maker
        made = make(*arguments, **keywords)
        self.built[id(node)] = made  # its state may refer to it
        for state in node.states:
            set_state(made, self.within("", state))
        for item in self.items(node.items):
            (made.add if isinstance(made, set) else made.append)(item)
        for key, value in node.pairs:
            key, value = self.pair(key, value)
            made[key] = value
        self.checked(lambda: check_bounds(made))
        return made


def set_state(made: Any, state: Any) -> None:
    """Give an instance its state, as pickle does."""
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    slots: Any = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    vars(made).update(state or {})
    for name, value in (slots or {}).items():
        setattr(made, name, value)


def _named(node: Made) -> Name | None:
    """Return the name of what is called."""
    match node.maker:
        case Name() as named:
            return named
        case Made(
            maker=Name(module="dill._dill", name="_create_namedtuple"),
            arguments=(str(name), tuple(), str(module)),
        ):
            return Name(module, name)
    return None


def _attribute(key: str) -> str:
    return f".{key}" if key.isidentifier() and key.isascii() else _step(key)


def _step(key: Any) -> str:
    return f"[{ascii(key)[:N_SHOWN]}]" if type(key) in CONSTANTS else "[…]"


_UNFINISHED = object()

BUILDERS: dict[type, Callable[[_Builder, Any], Any]] = {
    list: _Builder.items,
    tuple: lambda builder, node: tuple(builder.items(node)),
    set: lambda builder, node: set(builder.items(node)),
    frozenset: lambda builder, node: frozenset(builder.items(node)),
    dict: _Builder.mapping,
    bytearray: lambda builder, node: bytearray(node),
    Name: _Builder.name,
    Made: _Builder.object,
    RawArray: _Builder.array,
}
