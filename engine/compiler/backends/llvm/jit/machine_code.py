"""From LLVM text to functions in memory, through llvmlite."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from ....forking import new_lock
from . import cache
from .python_function import add_symbols

OPTIMISE = 2


@functools.cache
def binding() -> ModuleType:
    """The binding of llvmlite, with this machine's target set up.

    Raises:
        ImportError: llvmlite is not installed.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise ImportError("the native back end needs llvmlite: pip install llvmlite numpy") from error
    module: ModuleType = llvm
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    add_symbols(module)
    return module


def machine(optimise: int = OPTIMISE) -> Any:
    """A target machine of this CPU; a new one each time, since an execution engine takes possession of its own."""
    llvm = binding()
    target = llvm.Target.from_default_triple()
    cpu, features = cache.host()
    return target.create_target_machine(cpu=cpu, features=features, opt=optimise, jit=True)


_compiling = new_lock(awaited=True)
"""One library at a time: llvmlite has a lock of its own, which must be free when the process is forked."""


@functools.cache
def vector_bytes() -> int:
    """Bytes in one vector register of this CPU."""
    features = cache.host()[1].split(",")
    if "+avx512f" in features:
        return 64
    return 32 if "+avx" in features else 16


class Library:
    """Compiled functions; they live as long as this object does.

    Args:
        text: LLVM IR.
        quick: more of it, that a few of LLVM's passes do for, in less time: no inner loop of it calls a function.
        seldom: what runs once a step, and is translated as it stands, in a fifth of the time; calls the others.

    Attributes:
        key: under which the cache has the code.
        cached: whether it was there already.
    """

    def __init__(self, text: str = "", quick: str = "", seldom: str = ""):
        self.key = cache.key("\n".join([str(OPTIMISE), text, *INLINE, *QUICK, quick, seldom]))
        code = cache.read(self.key)
        self.cached = code is not None
        with _compiling:
            if code is None:
                code = _objects(text, quick, seldom)
                cache.write(self.key, code)
            self._load(code)

    @classmethod
    def stored(cls, key: str) -> Library | None:
        """The library of which the cache has the code under that key; None if it has none."""
        code = cache.read(key)
        if code is None:
            return None
        library = cls.__new__(cls)
        library.key, library.cached = key, True
        library._load(code)
        return library

    def _load(self, code: bytes) -> None:
        llvm = binding()
        # The engine asks for a module; the code comes from the object file.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        while code:
            size = int.from_bytes(code[:8], "little")
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code[8 : 8 + size]))
            code = code[8 + size :]
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where the function of that name begins.

        Raises:
            LookupError: there is none.
        """
        address: int = self._engine.get_function_address(name)
        if not address:
            raise LookupError(f"the library has no function {name!r}")
        return address


INLINE = ("always_inliner", "global_dead_code_eliminate")
QUICK = ("sroa", "simplify_cfg", "loop_rotate", "instruction_combine", "simplify_cfg")
"""Those of LLVM's passes that make code fast that calls nothing in its loops."""


class _Passes:
    """LLVM's passes, made once in a process: llvmlite frees neither managers of passes nor what these hold."""

    def __init__(self) -> None:
        llvm = binding()
        options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISE)
        options.loop_vectorization = options.slp_vectorization = False  # the text is in vectors already
        options.loop_unrolling = False  # and in tiles: unrolled they run no faster, and take twice the time to compile
        self._target = machine()
        self._builder = llvm.create_pass_builder(self._target, options)
        self._inline, self._quick = map(self._manager, (INLINE, QUICK))
        self._all = self._builder.getFunctionPassManager()

    @staticmethod
    def _manager(names: tuple[str, ...]) -> Any:
        manager = binding().create_new_module_pass_manager()
        for name in names:
            getattr(manager, f"add_{name}_pass")()
        return manager

    def run(self, module: Any, quick: bool) -> None:
        """Inline what asks for it, and then run a few passes, or all that look at one function by itself."""
        self._inline.run(module, self._builder)
        if quick:
            self._quick.run(module, self._builder)
            return
        for function in module.functions:
            if not function.is_declaration:
                self._all.run(function, self._builder)


_passes = functools.cache(_Passes)


def _objects(text: str, quick: str, seldom: str) -> bytes:
    """The object code of the texts of a library, each object behind its size."""
    objects = []
    if text or quick:
        objects.append(machine().emit_object(optimised(text, quick)))
    if seldom:
        objects.append(machine(optimise=0).emit_object(binding().parse_assembly(seldom, binding().create_context())))
    return b"".join([len(code).to_bytes(8, "little") + code for code in objects])


def optimised(text: str, quick: str = "") -> Any:
    """The module of a text, after LLVM's passes for this machine, and of another, after the few that matter most.

    It has a context of its own: what a context has seen, such as constants, it keeps to its end.
    """
    llvm = binding()
    context, modules = llvm.create_context(), []
    for part, few in ((text, False), (quick, True)):
        if part or not few:  # of no text at all there is a module, too
            modules.append(llvm.parse_assembly(part, context))
            _passes().run(modules[-1], few)
    module, *others = modules
    for other in others:
        module.link_in(other)
    return module
