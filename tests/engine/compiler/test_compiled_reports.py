"""What a compiled function tells of itself: reports, stages, pictures, LLVM IR."""

from __future__ import annotations

from dataclasses import replace

import pytest

import engine
from engine import Value, compile, dot, tanh
from engine.compiler.errors import PlanError
from tests.needs import INSTALLED, NATIVE


def test_explain_and_draw_show_the_passes_and_products() -> None:
    weights = [[Value(0.1 * (i + j)) for i in range(4)] for j in range(3)]
    compiled = compile(lambda x: engine.sum([tanh(dot(w, x)) for w in weights]), backend="python")
    compiled.value_and_grad([[1.0] * 4])
    report = compiled.explain()
    for text in ("back end    python", "1 matrix product: 3x4", "differentiate", "tanh"):
        assert text in report
    assert repr(report) == report  # at a prompt, line by line
    dot_text = compiled.draw()
    assert dot_text.startswith("digraph plan {")
    assert "matrix product\\n3 x 4" in dot_text
    with pytest.raises(TypeError, match=r"^for a picture, .* write f\.function\(Value\(2\.0\), "):
        compiled.draw("loss.svg")
    with pytest.raises(RuntimeError, match="no LLVM IR"):
        compiled.llvm_ir()


def test_what_no_sample_reads_is_drawn_to_the_gradient_too() -> None:
    """The last product, of the parameter's own derivative and what the samples have summed, led nowhere before."""
    p = Value(3.0)
    compiled = compile(lambda x: engine.square(p) * x, backend="python")
    compiled.backward([1.0, 2.0])
    drawn = compiled.draw()
    assert compiled.explain("plan").endswith("finish\n  G[0] = U[2]")
    assert "G -> g3;" in drawn
    assert "g3 -> G;" in drawn


@pytest.mark.parametrize("backend", INSTALLED)
def test_every_stage_can_be_read(backend: str) -> None:
    weights, table = [[Value(0.1 * (i + j)) for i in range(4)] for j in range(3)], [Value(0.5 * k) for k in range(4)]
    compiled = compile(
        lambda x, k: engine.sum([tanh(dot(w, x)) for w in weights]) * engine.take(k, table), backend=backend
    )
    compiled.value_and_grad([[1.0] * 4] * 9, [1.0] * 9)
    shown = {
        "trace": "t0 = dot(p0..3, x0..3)\n",
        "raise": "take(x4, p12..15)",
        "differentiate": "add to G0..3: t",
        "lower": "output t",
        "raise again": "add to G4..7: t",
        "look up": "add to one of G12..15, by x4: t",
        "plan": "S[r] = dot(P[4r + c, c < 4], X[c, c < 4])  for r < 3\n",
    }
    native = {
        "split": "body kernel 0\n",
        "fuse": "body kernel 0\n  S[r] = dot(P[4r",
        "skip": "  S[",
        "recompute": "  S[",
        "store": "  ~ S[r] = dot(",
        "share sums": "sum kernel 0\n  G[4r + c, c < 4] += ",
        "kernels": "define void @kernel0(",
    }
    for stage, text in {**shown, **(native if backend == "llvm" else {})}.items():
        assert text in compiled.explain(stage), stage
    with pytest.raises(ValueError, match=r"stage must be one of 'trace', 'raise', .*'plan'.*, got 'fuze'"):
        compiled.explain("fuze")


def test_explain_verifies_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler import pipeline

    compiled = compile(lambda x: x * x + x, backend="python")
    compiled([2.0])
    original = pipeline.planned
    monkeypatch.setattr(pipeline, "planned", lambda computation: replace(original(computation), outputs=()))
    assert "output t" in compiled.explain("look up")
    with pytest.raises(PlanError, match="the 0 outputs are not the 1 that are wanted"):
        compiled.explain("plan")


@NATIVE
def test_llvm_ir_is_shown() -> None:
    compiled = compile(lambda x: tanh(x), backend="llvm")
    compiled([1.0])
    assert "define" in compiled.llvm_ir()


def test_in_a_notebook_it_tells_what_it_has_programs_for() -> None:
    double = compile(lambda x: x + x, backend="python")
    assert "traced and compiled when it is first called" in double._repr_html_()
    double([3.0])
    double([[3.0, 4.0]][0])
    assert "shapes of the arguments" in double._repr_html_()
    assert "called for the first time" not in double._repr_html_()
