"""Reads the instructions of a pickle into the tree of what is written; calls nothing.

It knows every instruction of the protocols 0 to 5. Names stay names, and what would be
called is recorded. joblib puts the bytes of each array between the instructions, right
behind the one that completes its wrapper.
"""

import codecs
import pickle
import re
from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any, Protocol

from convert.saved.budget import Spending
from convert.saved.calls import REPLACED, Reader, spelled_out
from convert.saved.damage import NO_SENSE, Damaged
from convert.saved.extent import BRANCHES
from convert.saved.joblib_array import has_objects, is_wrapper, read_layout
from convert.saved.keys import Keys
from convert.saved.makers import MAKERS
from convert.saved.written import Made, Name, RawArray

N_STEPS = 10_000
"""Between two looks at what was spent."""

DECIMAL = re.compile(rb"-?(0|[1-9]\d*)")
"""C reads "010" as 8 and Python as 10; no pickler writes it."""

SETTLED = frozenset({dict, list, set, tuple, Made})
"""What may hold a part that changes later."""

MISSING = object()
"""Stands where a file leaves out a number of its memo."""


class Observer(Protocol):
    """Whoever wants to know what is met on the way."""

    def find(self, module: str, name: str) -> Name:
        """Return the one node for a name."""

    def called(self, made: Made) -> None:
        """Take note of a call."""

    def filled(self, made: Made, state: Any) -> None:
        """Take note of a state."""


class Machine:
    """Python's unpickling machine, whose stack and memo hold nodes of the tree.

    Parameters
    ----------
    content
        What the pickle is in.
    at
        Where it begins; afterwards, where it ended.
    shared
        The branches that it refers to more than once, by their identity.
    """

    def __init__(
        self,
        content: bytes,
        findings: Observer,
        spending: Spending,
        at: int = 0,
        *,
        is_nested: bool = False,
    ) -> None:
        self.content = content
        self.view = memoryview(content)
        self.findings = findings
        self.spending = spending
        self.limits = spending.limits
        self.at = at
        self.is_nested = is_nested
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: list[Any] = []
        self.n_gaps = 0
        self.frame_end = at
        self.settled: dict[int, Any] = {}
        self.shared: dict[int, Any] = {}
        self.keys = Keys(spending)
        self.reader = Reader(findings.find, spending, self.keys)

    def run(self) -> Any:
        """Return the tree that the pickle stops with."""
        while True:
            for n_steps in range(N_STEPS):
                code = self.content[self.at]
                self.at += 1
                if code == STOP:
                    self.spending.step(n_steps)
                    return self.stack.pop()
                INSTRUCTIONS[code](self)
            self.spending.step(N_STEPS)

    def number(self, form: Struct) -> Any:
        """Read one number of fixed width."""
        at = self.at
        self.at = at + form.size
        return form.unpack_from(self.content, at)[0]

    def take(self, n_bytes: int) -> bytes:
        """Read as many bytes.

        Raises
        ------
        Damaged
            If the length is below zero, or the file ends too early.
        """
        at = self.at
        self.at = end = at + n_bytes
        if n_bytes < 0:
            raise Damaged("a length in it is below zero")
        if end > len(self.content):
            raise Damaged("it ends too early")
        return self.content[at:end]

    def line(self, most: int | None = None) -> bytes:
        """Read up to the end of the line, and pass over that.

        Raises
        ------
        Damaged
            If the line does not end, or not within `most` bytes.
        """
        at = self.at
        bound = len(self.content) if most is None else at + most + 1
        end = self.content.find(b"\n", at, bound)
        if end < 0:
            raise Damaged("a line in it does not end")
        self.at = end + 1
        return self.content[at:end]

    def name(self, module: str, name: str) -> Name:
        """Return the node of a name, which is not too long to be one.

        Raises
        ------
        Damaged
            If the module or the name has more than `limits.name_bytes` letters.
        """
        if max(len(module), len(name)) > self.limits.name_bytes:
            raise Damaged(
                f"a name in it has more than {self.limits.name_bytes} letters"
            )
        return self.findings.find(module, name)

    def since_mark(self) -> list[Any]:
        """Return what is on the stack above the last mark, and go back to below it."""
        items = self.stack
        self.stack = self.below.pop()
        return items

    def push_branch(self, branch: Any) -> None:
        """Put a new container on the stack."""
        self.spending.branches += 1
        self.stack.append(branch)

    def push_again(self, thing: Any) -> None:
        """Put on the stack what was there before.

        Raises
        ------
        Damaged
            If it is not there.
        """
        if type(thing) in BRANCHES:
            self.shared[id(thing)] = thing
        elif thing is MISSING:
            raise Damaged("it refers to a part of it that is not there")
        self.stack.append(thing)

    def remember(self, index: int) -> None:
        """Keep what is on top of the stack under a number.

        Raises
        ------
        Damaged
            If the numbers that were left out are more than `limits.gaps`.
        """
        memo = self.memo
        if index < len(memo):
            memo[index] = self.stack[-1]
            return
        if index > len(memo):
            self.n_gaps += index - len(memo)
            if self.n_gaps > self.limits.gaps:
                raise Damaged("it numbers its parts with large gaps")
            memo.extend([MISSING] * (index - len(memo)))
        memo.append(self.stack[-1])

    def call(self, maker: Any, arguments: Any) -> Any:
        """Return what is written for a call: the node of it, or what it spells out.

        Raises
        ------
        Damaged
            If the arguments are no tuple.
        """
        if type(arguments) is not tuple:
            raise Damaged(NO_SENSE)
        if _is_made_here(maker):
            self.settle(arguments)
        made = Made(maker, arguments)
        self.spending.branches += 1
        self.findings.called(made)
        if type(maker) is not Name:
            return made
        spelled = spelled_out(made, self.reader)
        if spelled is not made:
            self.share(arguments)
        return spelled

    def settle(self, things: Iterable[Any]) -> None:
        """Note that a call reads these, and all that is in them, as they are now.

        What would change in them later a real call has not seen, and whoever builds
        would: so nothing may.
        """
        unread = list(things)
        while unread:
            thing = unread.pop()
            kind = type(thing)
            if kind not in SETTLED or id(thing) in self.settled:
                continue
            if kind is tuple and SETTLED.isdisjoint(map(type, thing)):
                continue
            self.settled[id(thing)] = thing  # alive, so that no other has its number
            if kind is dict:
                unread += thing.values()
            elif kind is not Made:
                unread += thing

    def settle_state(self, made: Made, state: Any) -> None:
        """Note that a state was read: by a call all of it, of an instance its names."""
        if made.how == "call":
            if _is_made_here(made.maker):
                self.settle([state])
            return
        for part in state if type(state) is tuple else (state,):
            if type(part) is dict:
                self.settled[id(part)] = part

    def changing(self) -> Any:
        """Return what is on top of the stack, which an instruction is about to change.

        Raises
        ------
        Damaged
            If a call has read it.
        """
        thing = self.stack[-1]
        if id(thing) in self.settled:
            raise Damaged("it changes a part of it that was read before")
        return thing

    def share(self, things: Iterable[Any]) -> None:
        """Note that these, and what is right in them, may be at two places now."""
        for thing in things:
            if type(thing) in BRANCHES:
                self.shared[id(thing)] = thing
            if type(thing) in (list, tuple):
                self.shared |= {id(t): t for t in thing if type(t) in BRANCHES}


def _is_made_here(maker: Any) -> bool:
    """Whether a function of ours stands for a call; what is trusted really is called."""
    if type(maker) is not Name:
        return False
    return str(maker) in MAKERS or (maker.module, maker.name) in REPLACED


STOP = pickle.STOP[0]
BYTE, TWO_BYTES, FOUR_BYTES, EIGHT_BYTES = map(Struct, ("<B", "<H", "<I", "<Q"))
SIGNED, FLOAT = Struct("<i"), Struct(">d")

Instruction = Callable[[Machine], None]


def _unknown(machine: Machine) -> None:
    raise Damaged(NO_SENSE)


INSTRUCTIONS: list[Instruction] = [_unknown] * 256


def _instruction(code: bytes) -> Callable[[Instruction], Instruction]:
    def put(instruction: Instruction) -> Instruction:
        INSTRUCTIONS[code[0]] = instruction
        return instruction

    return put


def _constant(value: Any) -> Instruction:
    return lambda machine: machine.stack.append(value)


def _number(form: Struct) -> Instruction:
    def read(machine: Machine) -> None:
        at = machine.at
        machine.at = at + form.size
        machine.stack.append(form.unpack_from(machine.content, at)[0])

    return read


def _sized(form: Struct, make: Callable[[bytes], Any]) -> Instruction:
    def read(machine: Machine) -> None:
        machine.stack.append(make(machine.take(machine.number(form))))

    return read


def _text(content: bytes) -> str:
    return str(content, "utf-8", "surrogatepass")


def _old_text(content: bytes) -> str:
    return str(content, "ascii")


def _bytes(content: bytes) -> bytes:
    return content


for code, value in {
    pickle.NONE: None,
    pickle.NEWTRUE: True,
    pickle.NEWFALSE: False,
    pickle.EMPTY_TUPLE: (),
}.items():
    INSTRUCTIONS[code[0]] = _constant(value)

for code, form in {
    pickle.BININT: SIGNED,
    pickle.BININT1: BYTE,
    pickle.BININT2: TWO_BYTES,
    pickle.BINFLOAT: FLOAT,
}.items():
    INSTRUCTIONS[code[0]] = _number(form)

for code, form, make in (
    (pickle.SHORT_BINUNICODE, BYTE, _text),
    (pickle.BINUNICODE, FOUR_BYTES, _text),
    (pickle.BINUNICODE8, EIGHT_BYTES, _text),
    (pickle.SHORT_BINBYTES, BYTE, _bytes),
    (pickle.BINBYTES, FOUR_BYTES, _bytes),
    (pickle.BINBYTES8, EIGHT_BYTES, _bytes),
    (pickle.BYTEARRAY8, EIGHT_BYTES, bytearray),
    (pickle.SHORT_BINSTRING, BYTE, _old_text),
    (pickle.BINSTRING, SIGNED, _old_text),
    (pickle.LONG1, BYTE, pickle.decode_long),
):
    INSTRUCTIONS[code[0]] = _sized(form, make)


@_instruction(pickle.LONG4)
def _long4(machine: Machine) -> None:
    n_bytes = machine.number(SIGNED)
    if n_bytes > machine.limits.number_bytes:
        raise Damaged(f"an integer in it has {n_bytes} bytes")
    machine.stack.append(pickle.decode_long(machine.take(n_bytes)))


@_instruction(pickle.INT)
def _int(machine: Machine) -> None:
    line = machine.line(machine.limits.number_bytes)
    booleans = {b"00": False, b"01": True}
    if line not in booleans and not DECIMAL.fullmatch(line):
        raise Damaged("a number in it is not written as Python writes one")
    machine.stack.append(booleans[line] if line in booleans else int(line))


@_instruction(pickle.LONG)
def _long(machine: Machine) -> None:
    line = machine.line(machine.limits.number_bytes)
    machine.stack.append(int(line.removesuffix(b"L")))


@_instruction(pickle.FLOAT)
def _float(machine: Machine) -> None:
    machine.stack.append(float(machine.line(machine.limits.number_bytes)))


@_instruction(pickle.STRING)
def _string(machine: Machine) -> None:
    line = machine.line()
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"'):
        raise Damaged("a text in it has no quotes")
    plain, _ = codecs.escape_decode(line[1:-1])
    machine.stack.append(_old_text(plain))


@_instruction(pickle.UNICODE)
def _unicode(machine: Machine) -> None:
    machine.stack.append(str(machine.line(), "raw-unicode-escape"))


@_instruction(pickle.PROTO)
def _proto(machine: Machine) -> None:
    if (protocol := machine.number(BYTE)) > pickle.HIGHEST_PROTOCOL:
        raise Damaged(f"it is of protocol {protocol}, which no Python has")


@_instruction(pickle.FRAME)
def _frame(machine: Machine) -> None:
    n_bytes = machine.number(EIGHT_BYTES)
    if machine.at < machine.frame_end:
        raise Damaged("a frame in it begins before the one around it ends")
    if n_bytes > len(machine.content) - machine.at:
        raise Damaged("it ends too early")
    machine.frame_end = machine.at + n_bytes


@_instruction(pickle.MARK)
def _mark(machine: Machine) -> None:
    machine.below.append(machine.stack)
    if len(machine.below) > 2 * machine.limits.depth:  # a tuple and a dict for each
        raise Damaged(f"it nests deeper than {machine.limits.depth}")
    machine.stack = []


@_instruction(pickle.POP)
def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


@_instruction(pickle.POP_MARK)
def _pop_mark(machine: Machine) -> None:
    machine.since_mark()


@_instruction(pickle.DUP)
def _dup(machine: Machine) -> None:
    machine.push_again(machine.stack[-1])


@_instruction(pickle.MEMOIZE)
def _memoize(machine: Machine) -> None:
    if machine.n_gaps:  # pickle counts what is remembered, and would take its number
        raise Damaged("it numbers its parts with gaps, and counts them too")
    machine.memo.append(machine.stack[-1])


@_instruction(pickle.BINPUT)
def _binput(machine: Machine) -> None:
    machine.remember(machine.number(BYTE))


@_instruction(pickle.LONG_BINPUT)
def _long_binput(machine: Machine) -> None:
    machine.remember(machine.number(FOUR_BYTES))


@_instruction(pickle.PUT)
def _put(machine: Machine) -> None:
    index = int(machine.line(machine.limits.number_bytes))
    if index < 0:
        raise Damaged("a number in it is below zero")
    machine.remember(index)


@_instruction(pickle.BINGET)
def _binget(machine: Machine) -> None:
    index = machine.content[machine.at]
    machine.at += 1
    machine.push_again(machine.memo[index])


@_instruction(pickle.LONG_BINGET)
def _long_binget(machine: Machine) -> None:
    machine.push_again(machine.memo[machine.number(FOUR_BYTES)])


@_instruction(pickle.GET)
def _get(machine: Machine) -> None:
    index = int(machine.line(machine.limits.number_bytes))
    if index < 0:
        raise Damaged("a number in it is below zero")
    machine.push_again(machine.memo[index])


@_instruction(pickle.EMPTY_LIST)
def _empty_list(machine: Machine) -> None:
    machine.push_branch([])


@_instruction(pickle.EMPTY_DICT)
def _empty_dict(machine: Machine) -> None:
    machine.push_branch({})


@_instruction(pickle.EMPTY_SET)
def _empty_set(machine: Machine) -> None:
    machine.push_branch(set())
    machine.spending.branches += 3  # it takes as much memory as four lists


@_instruction(pickle.LIST)
def _list(machine: Machine) -> None:
    items = machine.since_mark()
    machine.push_branch(items)


@_instruction(pickle.TUPLE)
def _tuple(machine: Machine) -> None:
    items = machine.since_mark()
    machine.push_branch(tuple(items))


@_instruction(pickle.TUPLE1)
def _tuple1(machine: Machine) -> None:
    _tuple_of(machine, 1)


@_instruction(pickle.TUPLE2)
def _tuple2(machine: Machine) -> None:
    _tuple_of(machine, 2)


@_instruction(pickle.TUPLE3)
def _tuple3(machine: Machine) -> None:
    _tuple_of(machine, 3)


def _tuple_of(machine: Machine, n_items: int) -> None:
    stack = machine.stack
    if len(stack) < n_items:
        raise Damaged(NO_SENSE)
    stack[-n_items:] = [tuple(stack[-n_items:])]
    machine.spending.branches += 1


@_instruction(pickle.DICT)
def _dict(machine: Machine) -> None:
    items = machine.since_mark()
    machine.push_branch({})
    _set_items(machine, items)


@_instruction(pickle.FROZENSET)
def _frozenset(machine: Machine) -> None:
    items = machine.since_mark()
    machine.keys.check(items)
    machine.push_branch(frozenset(items))


@_instruction(pickle.APPEND)
def _append(machine: Machine) -> None:
    item = machine.stack.pop()
    _extend(machine, [item])


@_instruction(pickle.APPENDS)
def _appends(machine: Machine) -> None:
    items = machine.since_mark()
    _extend(machine, items)


def _extend(machine: Machine, items: list[Any]) -> None:
    changed = machine.changing()
    if type(changed) is list:
        changed += items
    elif type(changed) is Made:
        changed.items = _longer(changed.items, items)
    else:
        raise Damaged("it appends to what is no list")


def _longer(sequence: Any, items: list[Any]) -> list[Any]:
    """Return a list with these behind it: the same one, if it is a list already."""
    if type(sequence) is not list:
        return [*sequence, *items]
    sequence += items
    return sequence


@_instruction(pickle.ADDITEMS)
def _additems(machine: Machine) -> None:
    items = machine.since_mark()
    changed = machine.changing()
    if type(changed) is set:
        machine.keys.check(items, changed)
        changed.update(items)
    elif type(changed) is Made:
        changed.items = _longer(changed.items, items)
    else:
        raise Damaged("it adds to what is no set")


@_instruction(pickle.SETITEM)
def _setitem(machine: Machine) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    _set_items(machine, [key, value])


@_instruction(pickle.SETITEMS)
def _setitems(machine: Machine) -> None:
    items = machine.since_mark()
    _set_items(machine, items)


def _set_items(machine: Machine, items: list[Any]) -> None:
    changed = machine.changing()
    pairs = zip(items[::2], items[1::2], strict=True)
    if type(changed) is dict:
        machine.keys.check(items[::2], changed)
        changed.update(pairs)
    elif type(changed) is Made:
        changed.pairs = _longer(changed.pairs, list(pairs))
    else:
        raise Damaged("it sets an item of what is no dict")


@_instruction(pickle.GLOBAL)
def _global(machine: Machine) -> None:
    machine.stack.append(_named_by_lines(machine))


def _named_by_lines(machine: Machine) -> Name:
    most = 4 * machine.limits.name_bytes  # of UTF-8
    module, name = (str(machine.line(most), "utf-8") for _ in range(2))
    return machine.name(module, name)


@_instruction(pickle.STACK_GLOBAL)
def _stack_global(machine: Machine) -> None:
    name = machine.stack.pop()
    module = machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise Damaged("a name in it is no text")
    machine.stack.append(machine.name(module, name))


@_instruction(pickle.INST)
def _inst(machine: Machine) -> None:
    maker = _named_by_lines(machine)
    arguments = machine.since_mark()
    machine.stack.append(machine.call(maker, tuple(arguments)))


@_instruction(pickle.OBJ)
def _obj(machine: Machine) -> None:
    maker, *arguments = machine.since_mark()
    machine.stack.append(machine.call(maker, tuple(arguments)))


@_instruction(pickle.REDUCE)
def _reduce(machine: Machine) -> None:
    arguments = machine.stack.pop()
    machine.stack[-1] = machine.call(machine.stack[-1], arguments)


@_instruction(pickle.NEWOBJ)
def _newobj(machine: Machine) -> None:
    arguments = machine.stack.pop()
    _make_new(machine, arguments)


@_instruction(pickle.NEWOBJ_EX)
def _newobj_ex(machine: Machine) -> None:
    keywords = machine.stack.pop()
    arguments = machine.stack.pop()
    _make_new(machine, arguments, keywords)


def _make_new(machine: Machine, arguments: Any, keywords: Any = None) -> None:
    if type(arguments) is not tuple:
        raise Damaged(NO_SENSE)
    if _is_made_here(machine.stack[-1]):
        machine.settle(arguments)
    made = Made(machine.stack[-1], arguments, how="new")
    if keywords is not None:
        if type(keywords) is not dict:
            raise Damaged(NO_SENSE)
        made.keywords = keywords
    machine.spending.branches += 1
    machine.findings.called(made)
    machine.stack[-1] = made


@_instruction(pickle.BUILD)
def _build(machine: Machine) -> None:
    state = machine.stack.pop()
    changed = machine.changing()
    if type(changed) is not Made:
        raise Damaged("it gives a state to what has none")
    machine.settle_state(changed, state)
    changed.states = _longer(changed.states, [state])
    machine.findings.filled(changed, state)
    if not machine.is_nested and is_wrapper(changed):
        machine.stack[-1] = _read_array(machine, changed)


def _read_array(machine: Machine, wrapper: Made) -> RawArray:
    """Read the bytes of an array behind joblib's wrapper, or the objects in it.

    Raises
    ------
    Damaged
        If the wrapper makes no sense or stands inside of a frame, or the file ends in
        the middle of the array.
    """
    if machine.at < machine.frame_end:
        raise Damaged("an array in it stands inside of a frame")
    layout = read_layout(wrapper)
    array = RawArray(layout.dtype, layout.shape, layout.order)
    if has_objects(layout.dtype):
        array.objects = _read_nested(machine)
        return array
    if layout.is_padded:
        machine.take(machine.number(BYTE))
    at = machine.at
    machine.at = end = at + layout.n_bytes
    if end > len(machine.content):
        raise Damaged("it ends in the middle of an array")
    array.content = machine.view[at:end]
    return array


def _read_nested(machine: Machine) -> Any:
    """Read the pickle that joblib writes for an array of objects."""
    nested = Machine(
        machine.content,
        machine.findings,
        machine.spending,
        machine.at,
        is_nested=True,
    )
    tree = nested.run()
    machine.at = nested.at
    machine.shared |= nested.shared
    return tree


@_instruction(pickle.PERSID)
@_instruction(pickle.BINPERSID)
def _persistent_id(machine: Machine) -> None:
    raise Damaged("it refers to things outside it")


@_instruction(pickle.EXT1)
@_instruction(pickle.EXT2)
@_instruction(pickle.EXT4)
def _extension(machine: Machine) -> None:
    raise Damaged("it refers to extensions of copyreg, which only its writer has")


@_instruction(pickle.NEXT_BUFFER)
@_instruction(pickle.READONLY_BUFFER)
def _buffer(machine: Machine) -> None:
    raise Damaged("its arrays were kept outside it")
