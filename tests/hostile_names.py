"""Files that import and call what no pipeline needs: the published bypasses of scanners.

Each row was, by its advisory or its paper, not seen by picklescan, fickling or modelscan
at some time, or is one of the classics that they were made for.
"""

from pathlib import Path
from typing import Any

from tests import assembler as a
from tests.hostile_file import add

NAMES = "a name that runs code"
CHAINS = "names that run code together"

SHELL, CODE, MARKER = "{shell}", "{code}", "{marker}"
"""What leaves the marker: a command, an expression of Python, and its path."""

CALLS: list[tuple[str, str, tuple[Any, ...]]] = [
    # the classics
    ("os", "system", (SHELL,)),
    ("posix", "system", (SHELL,)),
    ("nt", "system", (SHELL,)),
    ("os", "popen", (SHELL,)),
    ("os", "execv", ("/bin/sh", ["sh", "-c", SHELL])),
    ("subprocess", "Popen", (["sh", "-c", SHELL],)),
    ("subprocess", "check_output", (["sh", "-c", SHELL],)),
    ("builtins", "eval", (CODE,)),
    ("builtins", "exec", (CODE,)),
    ("builtins", "__import__", ("os",)),
    ("builtins", "open", (MARKER, "w")),
    ("builtins", "breakpoint", ()),
    ("builtins", "help", ("os",)),
    ("io", "open", (MARKER, "w")),
    ("sys", "exit", (0,)),
    ("socket", "create_connection", (("127.0.0.1", 9),)),
    ("webbrowser", "open", ("http://127.0.0.1:9",)),
    ("shutil", "copyfile", ("/etc/hostname", MARKER)),
    ("pathlib", "Path.touch", (MARKER,)),
    # Python 2's names, which old protocols translate
    ("__builtin__", "eval", (CODE,)),
    ("__builtin__", "apply", (CODE,)),
    ("commands", "getoutput", (SHELL,)),
    ("copy_reg", "_reconstructor", (CODE, CODE, None)),
    # picklescan's advisories, by the year
    ("pip", "main", (["--version"],)),  # CVE-2025-1716
    ("pip._internal", "main", (["--version"],)),
    ("runpy", "_run_code", (CODE, {})),
    ("runpy", "run_path", (MARKER,)),
    ("bdb", "Bdb.run", (None, CODE)),
    ("pdb", "run", (CODE,)),
    ("pydoc", "pipepager", ("", SHELL)),
    ("pydoc", "locate", ("os.system",)),
    ("venv", "create", (MARKER,)),
    ("timeit", "timeit", ("", CODE)),
    ("cProfile", "run", (CODE,)),
    ("cProfile", "runctx", (CODE, None, None)),
    ("profile", "run", (CODE,)),
    ("profile", "Profile.runctx", ({}, CODE, {}, {})),
    ("trace", "Trace.run", ({}, CODE)),
    ("doctest", "debug_script", (CODE, True)),
    ("ensurepip", "_run_pip", ([SHELL],)),
    ("code", "InteractiveInterpreter.runcode", ({}, CODE)),
    ("idlelib.autocomplete", "AutoComplete.get_entity", ({}, CODE)),
    ("idlelib.autocomplete", "AutoComplete.fetch_completions", ({}, CODE, 1)),
    ("idlelib.calltip", "Calltip.fetch_tip", ({}, CODE)),
    ("idlelib.calltip", "get_entity", (CODE,)),
    ("idlelib.debugobj", "ObjectTreeItem.SetText", ({}, CODE)),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand", ({}, CODE)),
    ("idlelib.run", "Executive.runcode", ({}, CODE)),
    ("lib2to3.pgen2.grammar", "Grammar.loads", ({}, b"I1\n.")),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", (None, {}, CODE)),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", ({}, SHELL, True)),
    ("distutils.file_util", "write_file", (MARKER, ["x"])),
    ("logging", "FileHandler", (MARKER,)),
    ("_io", "FileIO", (MARKER, "w")),
    ("ctypes", "CDLL", (None,)),
    ("pty", "spawn", (["sh", "-c", SHELL],)),
    ("pkgutil", "resolve_name", ("os:system",)),
    ("uuid", "_get_command_stdout", ("id",)),
    ("_osx_support", "_read_output", (SHELL,)),
    ("_aix_support", "_read_cmd_output", (SHELL,)),
    ("_pyrepl.pager", "pipe_pager", ("", SHELL)),
    ("imaplib", "IMAP4_stream", (SHELL,)),
    ("test.support.script_helper", "assert_python_ok", ("-c", CODE)),
    ("urllib.request", "urlopen", ("http://127.0.0.1:9",)),
    ("ssl", "get_server_certificate", (("127.0.0.1", 9),)),
    ("http.client", "HTTPSConnection", ("127.0.0.1",)),
    ("requests.api", "get", ("http://127.0.0.1:9",)),
    ("aiohttp", "ClientSession", ()),
    ("cloudpickle.cloudpickle", "subimport", ("os",)),
    ("cloudpickle.cloudpickle", "_make_empty_cell", ()),
    ("types", "CodeType", (0,)),
    ("types", "FunctionType", (None, {})),
    ("numpy.testing._private.utils", "runstring", (CODE, {})),
    ("numpy.f2py.crackfortran", "getlincoef", (CODE, [])),
    ("numpy.f2py.crackfortran", "_eval_length", (CODE, {})),
    ("torch._dynamo.guards", "GuardBuilder.get", ({}, CODE)),
    ("torch._inductor.codecache", "compile_file", ("", "", ["sh", "-c", SHELL])),
    (
        "torch.fx.experimental.symbolic_shapes",
        "ShapeEnv.evaluate_guards_expression",
        ({}, CODE, []),
    ),
    ("torch.jit.unsupported_tensor_ops", "execWrapper", (CODE, {}, {})),
    ("torch.serialization", "load", (MARKER,)),
    ("torch.utils._config_module", "ConfigModule.load_config", ({}, b"I1\n.")),
    ("torch.utils.bottleneck.__main__", "run_cprofile", (CODE, {})),
    ("torch.utils.bottleneck.__main__", "run_autograd_prof", (CODE, {})),
    ("torch.utils.collect_env", "run", (SHELL,)),
    ("torch.utils.collect_env", "run_and_read_all", (None, SHELL)),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers", ("pickle", b"N.")),
    # fickling's and modelscan's
    ("marshal", "loads", (b"N",)),
    ("pickle", "loads", (b"cos\nsystem\n(S'true'\ntR.",)),
    ("_pickle", "loads", (b"N.",)),
    ("dill._dill", "loads", (b"N.",)),
    ("dill._dill", "_eval_repr", (CODE,)),
    ("dill._dill", "_import_module", ("os.system",)),
    ("dill._dill", "_create_namedtuple", ("x", "y", "antigravity")),
    ("joblib.numpy_pickle", "load", (MARKER,)),
    ("joblib._utils", "eval_expr", ("9**9**9",)),  # CVE-2022-21797 was here
    ("joblib.parallel", "Parallel", (1, None, 0, None, CODE)),
    ("joblib.memory", "Memory", (MARKER,)),
    ("importlib", "import_module", ("antigravity",)),
    ("imp", "load_source", ("x", MARKER)),
    ("pipes", "Template", ()),
    ("multiprocessing.util", "spawnv_passfds", (b"/bin/sh", [b"sh"], ())),
    ("_interpreters", "run_string", (0, CODE)),
    ("_xxsubinterpreters", "run_string", (0, CODE)),
    ("smtplib", "SMTP", ("127.0.0.1", 9)),
    ("ftplib", "FTP", ("127.0.0.1",)),
    ("poplib", "POP3", ("127.0.0.1", 9)),
    ("telnetlib", "Telnet", ("127.0.0.1", 9)),
    ("mlflow.projects.backend.local", "_run_entry_point", (SHELL, ".", "", "")),
    ("pandas.io.parsers.readers", "read_csv", ("http://127.0.0.1:9/x",)),
    ("pandas.io.pickle", "read_pickle", (MARKER,)),
    ("pandas.core.computation.eval", "eval", ("@pd.io.common.os",)),
    ("numpy", "load", (MARKER,)),
    ("numpy", "savetxt", (MARKER, [1.0])),
    ("numpy.ctypeslib", "load_library", (MARKER, ".")),
    ("numpy.lib._npyio_impl", "save", (MARKER, [1.0])),
    ("scipy.io", "loadmat", (MARKER,)),
    ("scipy._lib._util", "getfullargspec_no_self", (None,)),
    ("scipy.stats._distn_infrastructure", "rv_continuous", ()),
    ("sklearn.utils._testing", "set_random_state", (None,)),
    ("sklearn.datasets._base", "load_files", (MARKER,)),
    ("matplotlib.cbook", "_get_data_path", (MARKER,)),
    ("builtins", "getattr", (None, "x")),
    ("builtins", "type", ("X", (), {})),
    ("builtins", "map", (None, [])),
    ("builtins", "input", ("?",)),
    ("operator", "attrgetter", ("system",)),
    ("operator", "itemgetter", (0,)),
    ("operator", "methodcaller", ("system", SHELL)),
    ("_operator", "methodcaller", ("system", SHELL)),
    ("functools", "reduce", (None, [])),
    ("itertools", "starmap", (None, [])),
    ("weakref", "finalize", (None, None)),
    ("atexit", "register", (None,)),
    ("signal", "alarm", (1,)),
    ("faulthandler", "_sigsegv", ()),
    ("gc", "get_objects", ()),
    ("threading", "Thread", ()),
]


def _filled(argument: Any, marker: Path) -> Any:
    if isinstance(argument, list):
        return [_filled(each, marker) for each in argument]
    if not isinstance(argument, str):
        return argument
    texts = {
        SHELL: f"touch '{marker}'",
        CODE: f"__import__('pathlib').Path({str(marker)!r}).touch()",
        MARKER: str(marker),
    }
    return texts.get(argument, argument)


def _calling(module: str, attribute: str, arguments: tuple[Any, ...]) -> Any:
    def build(marker: Path) -> bytes:
        filled = [_filled(argument, marker) for argument in arguments]
        return a.program(a.call(a.name(module, attribute), *filled))

    return build


for _module, _name, _arguments in CALLS:
    add(NAMES, f"{_module}.{_name}", _calling(_module, _name, _arguments))


def _imported(module: str) -> a.Code:
    return a.call(a.name("builtins", "__import__"), module)


def _shell(marker: Path) -> str:
    return f"touch '{marker}'"


def _getattr_of_import(marker: Path) -> bytes:
    system = a.call(a.name("builtins", "getattr"), _imported("os"), "system")
    return a.program(a.call(system, _shell(marker)))


def _methodcaller_of_locate(marker: Path) -> bytes:
    caller = a.call(a.name("operator", "methodcaller"), "system", _shell(marker))
    return a.program(a.call(caller, a.call(a.name("pydoc", "locate"), "os")))


def _attrgetter_of_import(marker: Path) -> bytes:
    getter = a.call(a.name("operator", "attrgetter"), "system")
    return a.program(a.call(a.call(getter, _imported("os")), _shell(marker)))


def _partial_of_system(marker: Path) -> bytes:
    system = a.name("posix", "system")
    partial = a.call(a.name("functools", "partial"), system, _shell(marker))
    return a.program(a.call(partial))


def _reduce_over_system(marker: Path) -> bytes:
    system = a.name("os", "system")
    reduce = a.name("functools", "reduce")
    return a.program(a.call(reduce, system, [_shell(marker)]))


def _function_of_marshalled_code(marker: Path) -> bytes:
    import marshal

    source = f"import pathlib\npathlib.Path({str(marker)!r}).touch()"
    code = a.call(
        a.name("marshal", "loads"), marshal.dumps(compile(source, "", "exec"))
    )
    return a.program(a.call(a.call(a.name("types", "FunctionType"), code, {})))


def _builtins_of_a_shape(marker: Path) -> bytes:
    """BUILD gives an allowed class another attribute (modelscan issue 330)."""
    size = a.put(a.name("numpy", "size"), 1)
    builtins = a.put(a.name("numpy", "__builtins__"), 2)
    changed = a.build(a.get(1), ({}, {"shape": a.get(2)}))
    evaluate = a.call(a.get(1), a.get(1), "eval")
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return a.program(a.after(size, builtins, changed, a.call(evaluate, code)))


def _names_joined_from_letters(marker: Path) -> bytes:
    """No name stands whole in the file (modelscan issue 331)."""
    builtins = a.call(a.name("importlib", "import_module"), "builtins")
    getattr_ = a.name("builtins", "getattr")
    join = a.call(getattr_, a.call(getattr_, builtins, "str"), "join")
    os = a.call(a.name("importlib", "import_module"), a.call(join, "", ["o", "s"]))
    system = a.call(getattr_, os, a.call(join, "", list("system")))
    return a.program(a.call(system, _shell(marker)))


def _state_of_an_interpreter(marker: Path) -> bytes:
    """Code runs in another interpreter, by __setstate__ (GHSA-6ggj-6f2q-f7mx)."""
    create = a.call(a.name("_interpreters", "create"))
    run = a.name("_interpreters", "run_string")
    regression = a.new(a.name("sklearn.linear_model._base", "LinearRegression"))
    return a.program(a.build(regression, {"x": a.call(run, create, "import os")}))


def _own_class_made_by_cloudpickle(marker: Path) -> bytes:
    make = a.name("cloudpickle.cloudpickle", "_make_skeleton_class")
    kind = a.name("builtins", "type")
    return a.program(a.call(make, kind, "Model", (), {}, "x", None))


def _skipped_result(marker: Path) -> bytes:
    """What was called is thrown away (fickling lost sight of it)."""
    called = a.call(a.name("os", "system"), _shell(marker))
    return a.program(a.after(called, []))


for _build in (
    _getattr_of_import,
    _methodcaller_of_locate,
    _attrgetter_of_import,
    _partial_of_system,
    _reduce_over_system,
    _function_of_marshalled_code,
    _builtins_of_a_shape,
    _names_joined_from_letters,
    _state_of_an_interpreter,
    _own_class_made_by_cloudpickle,
    _skipped_result,
):
    add(CHAINS, _build.__name__.strip("_").replace("_", " "), _build)
