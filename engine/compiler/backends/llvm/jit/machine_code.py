"""From LLVM text to functions in memory: compiled through llvmlite, and loaded without it where that can be."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from .....process.forking import new_lock
from ....frontend.fingerprint import ENGINE
from ....passes.verify import verification_enabled
from . import cache
from .cpu import host
from .emission import emit
from .object_file import ObjectFile, UnfamiliarError
from .python_function import add_symbols, address_of

OPTIMISE = 2


@functools.cache
def binding() -> ModuleType:
    """The binding of llvmlite, with this machine's target set up.

    Raises:
        ImportError: llvmlite is not installed.
    """
    try:
        _load_ahead()
        import llvmlite.binding as llvm
    except ImportError as error:
        raise ImportError("the native back end needs llvmlite: pip install llvmlite numpy") from error
    module: ModuleType = llvm
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    add_symbols(module)
    return module


def _load_ahead() -> None:
    """Load LLVM's library without holding the GIL, so that the plan can be made meanwhile.

    The import that follows would load it under the GIL, and now finds it loaded. If this fails, the import says why.
    """
    from llvmlite import __file__ as package
    from llvmlite.utils import get_library_name

    with suppress(OSError, TypeError, AttributeError):  # a system without `dlopen`, or a library elsewhere
        path = Path(package).with_name("binding") / get_library_name()
        ctypes.CDLL(None).dlopen(os.fsencode(path), os.RTLD_NOW)


def machine() -> Any:
    """A target machine of this CPU; a new one each time, since an execution engine takes possession of its own."""
    llvm = binding()
    target = llvm.Target.from_default_triple()
    cpu, features = host()
    return target.create_target_machine(cpu=cpu, features=features, opt=OPTIMISE, jit=True)


class _Engine:
    """The functions of an object file, loaded by LLVM: for systems and files that `ObjectFile` does not know."""

    def __init__(self, code: bytes):
        llvm = binding()
        # The engine asks for a module; the code comes from the object file.
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        self._engine, self.address = engine, engine.get_function_address


class Library:
    """Compiled functions; they live as long as this object does.

    Args:
        text: LLVM IR.
        quick: more of it, for which a few of LLVM's passes are enough, since no inner loop calls a function.
        plain: more of it, which takes a small part of a step: translated instruction by instruction, in half the time.

    Attributes:
        key: under which the cache has the code.
        cached: whether it was there already.
    """

    def __init__(self, text: str = "", quick: str = "", plain: str = ""):
        self.key = cache.key("\n".join([str(OPTIMISE), text, *INLINE, *QUICK, quick, *PLAIN, plain]))
        code = cache.read(self.key)
        self.cached = code is not None
        with new_lock(awaited=True):  # LLVM and llvmlite have locks, which must be free when the process is forked
            if code is None:
                module = optimised(text, quick, plain)
                code = emit(machine(), module)
                cache.write(self.key, code)
            self._load(code)

    @classmethod
    def stored(cls, key: str) -> Library | None:
        """The library whose code the cache has under that key; None if it has none."""
        code = cache.read(key)
        if code is None:
            return None
        library = cls.__new__(cls)
        library.key, library.cached = key, True
        library._load(code)
        return library

    @classmethod
    def of_engine(cls, name: str, text: Callable[[], str], passes: str = "plain") -> Library:
        """A library whose text depends on nothing but the engine's sources and what its name says.

        The text is written only where the cache does not know the name: that alone takes a millisecond.

        Args:
            name: equal for equal texts only.
            text: makes it.
            passes: which argument of a library the text is: "text", "quick" or "plain".
        """
        place = cache.key(f"{ENGINE} {name}")
        known = cache.read(place, cache.FACT) if ENGINE else None
        library = cls.stored(known.decode()) if known else None
        if library is None:
            library = cls(**{passes: text()})
            if ENGINE:
                cache.write(place, library.key.encode(), cache.FACT)
        return library

    def _load(self, code: bytes) -> None:
        self._functions: ObjectFile | _Engine
        try:
            self._functions = ObjectFile(code, address_of)
        except (UnfamiliarError, OSError):
            self._functions = _Engine(code)

    def __contains__(self, name: str) -> bool:
        return bool(self._functions.address(name))

    def address(self, name: str) -> int:
        """Where the function of that name begins.

        Raises:
            LookupError: there is none.
        """
        address: int = self._functions.address(name)
        if not address:
            raise LookupError(f"the library has no function {name!r}")
        return address


INLINE = ("always_inliner", "global_dead_code_eliminate")
QUICK = ("sroa", "simplify_cfg", "loop_rotate")
"""The passes that matter for code whose loops call nothing. `instruction_combine` would take as long as all of these,
and finds nothing in our texts that would make an inner loop faster."""
PLAIN = ("sroa", "simplify_cfg")
"""The passes that put variables into registers."""


class _Passes:
    """LLVM's passes, made once in a process: llvmlite frees neither pass managers nor what they hold."""

    def __init__(self) -> None:
        llvm = binding()
        options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISE)
        options.loop_vectorization = options.slp_vectorization = False  # the text is in vectors already
        options.loop_unrolling = False  # and in tiles: unrolled they run no faster, and take twice the time to compile
        self._target = machine()  # which the builder refers to
        self._builder = llvm.create_pass_builder(self._target, options)
        self._inline, self._quick, self._plain = map(self._manager, (INLINE, QUICK, PLAIN))
        self._all = self._builder.getFunctionPassManager()

    @staticmethod
    def _manager(names: tuple[str, ...]) -> Any:
        manager = binding().create_new_module_pass_manager()
        for name in names:
            getattr(manager, f"add_{name}_pass")()
        return manager

    def run_all(self, module: Any) -> None:
        """Inline where the text asks for it, and then run all passes that work on one function at a time."""
        self._inline.run(module, self._builder)
        for function in _defined(module):
            self._all.run(function, self._builder)

    def run_quick(self, module: Any) -> None:
        """Inline where the text asks for it, and then run a few passes."""
        self._inline.run(module, self._builder)
        self._quick.run(module, self._builder)

    def run_plain(self, module: Any) -> None:
        """Run two passes, and let instructions be selected one by one."""
        self._plain.run(module, self._builder)
        for function in _defined(module):
            for attribute in ("noinline", "optnone"):
                function.add_function_attribute(attribute)


_passes = functools.cache(_Passes)
_passing = new_lock()
"""One module at a time: the passes are shared."""


def _defined(module: Any) -> list[Any]:
    return [function for function in module.functions if not function.is_declaration]


def optimised(text: str, quick: str = "", plain: str = "") -> Any:
    """The module of the texts of a library, after LLVM's passes for this machine.

    With STEPGRAD_VERIFY set, LLVM's verifier comes first: each name must be defined before it is read. The module has a
    context of its own, since a context keeps all that it has seen, such as constants.
    """
    with _passing:
        return _linked(text, quick, plain)  # no loop in here, see `process.locks`


def _linked(text: str, quick: str, plain: str) -> Any:
    llvm, passes = binding(), _passes()
    context, modules = llvm.create_context(), []
    for part, run in ((text, passes.run_all), (quick, passes.run_quick), (plain, passes.run_plain)):
        if part:
            modules.append(llvm.parse_assembly(part, context))
            if verification_enabled():
                modules[-1].verify()
            run(modules[-1])
    module, *others = modules or [llvm.parse_assembly("", context)]
    for other in others:
        module.link_in(other)
    return module
