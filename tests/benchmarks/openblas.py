"""A training step in C, with matrix products by the OpenBLAS inside NumPy."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#else
enum { _MM_FLUSH_ZERO_ON };
static unsigned _mm_getcsr(void) { return 0; }
static void _mm_setcsr(unsigned flags) { (void)flags; }
#endif
typedef void (*Gemm)(int, int, int, int64_t, int64_t, int64_t, real, const real *, int64_t, const real *, int64_t, real,
                     real *, int64_t);
enum { ROWS = 101, PLAIN = 111, TURNED = 112 };

/* Steps of momentum on the mean cross-entropy of an MLP with relu; of each layer the weights [out][in], then biases. */
double steps(const int64_t *n, int64_t layers, int64_t B, const real *X, const int64_t *y, real *P, real *V, real *G,
             real *room, real rate, real momentum, int64_t count, Gemm gemm) {
  double loss = 0;
  int64_t size = 0;
  unsigned flags = _mm_getcsr();
  _mm_setcsr(flags | _MM_FLUSH_ZERO_ON);  /* as our update does */
  for (int64_t k = 0; k < layers; k++) size += n[k + 1] * (n[k] + 1);
  for (; count; count--) {
    const real *h = X, *inputs[16];
    real *next = room, *w = P;
    for (int64_t k = 0; k < layers; k++) {
      int64_t in = n[k], out = n[k + 1];
      inputs[k] = h;
      for (int64_t s = 0; s < B; s++) memcpy(next + s * out, w + out * in, out * sizeof(real));
      gemm(ROWS, PLAIN, TURNED, B, out, in, 1, h, in, w, in, 1, next, out);
      if (k + 1 < layers) for (int64_t i = 0; i < B * out; i++) next[i] = next[i] > 0 ? next[i] : 0;
      h = next, next += B * out, w += out * (in + 1);
    }
    int64_t classes = n[layers];
    real *d = next - B * classes, *back = next;
    loss = 0;
    for (int64_t s = 0; s < B; s++) {
      real *z = d + s * classes, most = z[0], sum = 0, chosen = z[y[s]];
      for (int64_t i = 1; i < classes; i++) most = z[i] > most ? z[i] : most;
      for (int64_t i = 0; i < classes; i++) sum += z[i] = EXP(z[i] - most);
      loss += (log(sum) + most - chosen) / B;
      for (int64_t i = 0; i < classes; i++) z[i] /= sum * B;
      z[y[s]] -= (real)1 / B;
    }
    real *g = G + size;
    for (int64_t k = layers; k--;) {
      int64_t in = n[k], out = n[k + 1];
      w -= out * (in + 1), g -= out * (in + 1);
      gemm(ROWS, TURNED, PLAIN, out, in, B, 1, d, out, inputs[k], in, 0, g, in);
      memset(g + out * in, 0, out * sizeof(real));
      for (int64_t s = 0; s < B; s++) for (int64_t i = 0; i < out; i++) g[out * in + i] += d[s * out + i];
      if (!k) break;
      gemm(ROWS, PLAIN, PLAIN, B, in, out, 1, d, out, w, in, 0, back, in);
      for (int64_t i = 0; i < B * in; i++) back[i] = inputs[k][i] > 0 ? back[i] : 0;
      d = back, back += B * in;
    }
    for (int64_t i = 0; i < size; i++) V[i] = momentum * V[i] + G[i], P[i] -= rate * V[i];
  }
  _mm_setcsr(flags);
  return loss;
}
"""


@functools.cache
def _library(dtype: str) -> Any:
    """The compiled functions; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    real, exp = ("double", "exp") if dtype == "float64" else ("float", "expf")
    (folder / "step.c").write_text(SOURCE)
    # What -ffast-math means, but for its link-time half, which would round subnormal numbers to 0 in the whole process.
    fast = ["-fassociative-math", "-freciprocal-math", "-ffinite-math-only", "-fno-signed-zeros"]
    fast += ["-fno-trapping-math", "-fno-math-errno"]
    flags = ["-O3", "-march=native", *fast, "-shared", "-fPIC", f"-Dreal={real}", f"-DEXP={exp}"]
    subprocess.run([compiler, *flags, "step.c", "-o", "step.so", "-lm"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "step.so"))
    shutil.rmtree(folder)
    library.steps.restype = ctypes.c_double
    return library


@functools.cache
def _gemm(dtype: str) -> Any:
    """The address of OpenBLAS's product of matrices; None if this NumPy has none."""
    for path in Path(np.__file__).parent.parent.glob("numpy.libs/libscipy_openblas64_*"):
        return getattr(ctypes.CDLL(str(path)), f"scipy_cblas_{'d' if dtype == 'float64' else 's'}gemm64_")
    return None


def openblas_step(
    parameters: list[Any], X: Any, y: Any, dtype: str, rate: float, momentum: float, count: int
) -> tuple[Callable[[], float], int, Any] | None:
    """C with OpenBLAS: a function that makes `count` steps and gives the loss, `count`, and the parameters in a row.

    Args:
        parameters: weights and biases, alternating.
        X, y: the samples, and the numbers of their classes.
        dtype, rate, momentum, count: of the steps.
    """
    library, gemm = _library(dtype), _gemm(dtype)
    if library is None or gemm is None:
        return None
    sizes = np.array([parameters[0].shape[1], *[len(w) for w in parameters[::2]]], np.int64)
    P = np.concatenate([p.ravel() for p in parameters]).astype(dtype)
    V, G = np.zeros_like(P), np.zeros_like(P)
    X, y = np.ascontiguousarray(X, dtype), np.ascontiguousarray(y, np.int64)
    room = np.zeros(2 * len(X) * int(sizes.sum()), dtype)
    number = ctypes.c_double if dtype == "float64" else ctypes.c_float
    arrays = [ctypes.c_void_p(a.ctypes.data) for a in (X, y, P, V, G, room)]
    head = ctypes.c_void_p(sizes.ctypes.data), ctypes.c_int64(len(sizes) - 1), ctypes.c_int64(len(X))
    tail = number(rate), number(momentum), ctypes.c_int64(count), ctypes.cast(gemm, ctypes.c_void_p)
    keep = sizes, X, y, P, V, G, room

    def step() -> float:
        assert keep
        return float(library.steps(*head, *arrays, *tail))

    return step, count, P
