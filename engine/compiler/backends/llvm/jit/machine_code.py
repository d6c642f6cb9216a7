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


def machine() -> Any:
    """A target machine of this CPU; a new one each time, since an execution engine takes possession of its own."""
    llvm = binding()
    target = llvm.Target.from_default_triple()
    cpu, features = cache.host()
    return target.create_target_machine(cpu=cpu, features=features, opt=OPTIMISE, jit=True)


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
        quick: more of it, that a few of LLVM's passes do for, in half the time: no inner loop of it calls a function.

    Attributes:
        key: under which the cache has the code.
        cached: whether it was there already.
    """

    def __init__(self, text: str, quick: str = ""):
        self.key = cache.key("\n".join([str(OPTIMISE), text, *_QUICK, quick]))
        code = cache.read(self.key)
        self.cached = code is not None
        with _compiling:
            if code is None:
                target = machine()
                code = target.emit_object(optimised(text, target, quick))
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
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
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


_QUICK = ("sroa", "simplify_cfg", "loop_rotate", "instruction_combine", "simplify_cfg")


def optimised(text: str, target: Any, quick: str = "") -> Any:
    """The module of a text, after LLVM's passes for that machine, and of another, after the few that matter most."""
    llvm = binding()
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISE)
    options.loop_vectorization = options.slp_vectorization = False  # the text is in vectors already
    options.loop_unrolling = False  # and in tiles: unrolled they run no faster, and take twice the time to compile
    builder = llvm.create_pass_builder(target, options)
    if text:
        builder.getModulePassManager().run(module, builder)
    if quick:
        other, passes = llvm.parse_assembly(quick), llvm.create_new_module_pass_manager()
        for name in _QUICK:
            getattr(passes, f"add_{name}_pass")()
        passes.run(other, builder)
        module.link_in(other)
    return module
