"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call."""

from .programs import Programs as Programs
from .programs import build as build
