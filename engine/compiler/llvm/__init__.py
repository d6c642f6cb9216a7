"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call."""

from .program import Program as Program
from .program import build as build
