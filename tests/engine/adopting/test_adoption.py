"""Adopting a graph: their objects stay as they were, what cannot be adopted is named; the command."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import Value, adopt, no_grad
from engine.adopting import graph, replay
from tests.engine.adopting.another import ANOTHER
from tests.engine.adopting.bugs import BUGS
from tests.engine.adopting.student import METHOD, SOURCE, run


def test_a_function_that_does_not_tell_its_arguments_is_called_without() -> None:
    class Backward:
        __signature__ = "?"

        def __call__(self) -> None:
            a.grad += (1.0 - root.data**2) * root.grad

    module = run(SOURCE)
    a = module.Scalar(1.5)
    root = a.tanh()
    root._backward = Backward()
    assert adopt(root).ok


def test_the_objects_stay_exactly_as_they_were() -> None:
    module = run(SOURCE.replace("self.grad += out.grad / self.data", "self.data += out.grad / self.data"))
    root, names = module.graph()
    for k, leaf in enumerate(names.values()):
        leaf.grad = k + 0.5
    nodes = graph_of(root)
    before = [(dict(vars(node)), node._backward) for node in nodes]
    adopt(root, names)
    assert [(vars(node), node._backward) for node in nodes] == before


def test_flags_and_freed_lists_are_given_back() -> None:
    module = run(
        SOURCE.replace(
            "            node._backward()\n",
            "            node._backward()\n            node.seen, node._prev, node._op = True, (), 'done'\n",
        )
    )
    root, names = module.graph()
    nodes = graph_of(root)
    before = [dict(vars(node)) for node in nodes]
    assert adopt(root, names).ok
    assert [vars(node) for node in nodes] == before


def graph_of(root: Any) -> list[Any]:
    found, stack = {}, [root]
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack += node._prev
    return list(found.values())


def test_ctrl_c_while_numbers_are_given_back_leaves_none_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = run(ANOTHER).graph()
    theirs, give_back = graph.TheirGraph(root), graph._give_back

    def pressed(numbers: list[Any]) -> None:
        give_back(numbers[:1])
        monkeypatch.undo()
        raise KeyboardInterrupt

    def all_numbers() -> list[Any]:
        return [(node.theirs.data, node.theirs.grad) for node in theirs.nodes]

    def change_all() -> None:
        with theirs.restored():
            for node in theirs.nodes:
                node.theirs.data = node.theirs.grad = 7.5

    before = all_numbers()
    monkeypatch.setattr(graph, "_give_back", pressed)
    with pytest.raises(KeyboardInterrupt):
        change_all()
    assert all_numbers() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"backward": None}, "no method `backward`"),
        ({"_prev": ...}, "none of the attributes _prev, prev"),
        ({"grad": ...}, "no attribute `grad`"),
        ({"data": "three"}, "`data` is not a real number but 'three'"),
        ({"grad": "none"}, "`grad` is not a real number but 'none'"),
        ({"_backward": None}, "`_backward` cannot be called, it is None .store the function, without calling it"),
        ({"_backward": lambda gradient: None}, "`_backward` takes gradient, and is called without arguments"),
    ],
)
def test_what_cannot_be_adopted_is_named(change: dict[str, Any], named: str) -> None:
    module = run(SOURCE)
    root, _ = module.graph()
    for name, thing in change.items():
        if thing is ...:
            delattr(root, name)
        else:
            setattr(root, name, thing)
    with pytest.raises(TypeError, match="cannot be adopted: .*" + named.replace("`", ".")):
        adopt(root)
    with pytest.raises(TypeError, match="names takes a mapping"):
        adopt(root, ["a"])


@pytest.mark.parametrize("below", ["itself", "its operand"])
def test_what_is_computed_from_itself_is_named(below: str) -> None:
    """As += in place makes it: it was a KeyError with the address of an object."""
    root, _ = run(SOURCE).graph()
    inner = root if below == "itself" else next(iter(root._prev))
    inner._prev = {*inner._prev, root}
    with pytest.raises(ValueError, match=r"is among what it is computed from, by its `_prev`: let each operation"):
        adopt(root)


def test_their_recursion_ends_before_the_stack_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30,000 nodes Python 3.10 crashed."""
    monkeypatch.setattr(replay, "_DEEPEST", 1500)
    module = run(SOURCE)
    a = root = module.Scalar(1.0)
    for _ in range(3000):
        root = root + a
    (finding,) = adopt(root).findings
    assert finding.kind == "raises"
    assert "RecursionError" in finding.sentence


def test_a_long_chain_needs_no_recursion_of_ours() -> None:
    module = run(METHOD)
    x = module.Node(1.0)
    root = x
    for _ in range(2000):
        root = root * x
    assert adopt(root, {"x": x}).ok
    assert math.isclose(root.data, 1.0)


def test_under_no_grad_it_is_the_same() -> None:
    """Its own Values were not recorded then, and all derivatives wrong that are not 0."""
    root, _ = run(SOURCE).graph()
    with no_grad():
        assert adopt(root).ok


def test_a_value_is_adopted_already() -> None:
    """Of a constant, which gets no gradient, it said that one is missing."""
    with pytest.raises(TypeError, match=r"is a Value of this engine already: its stepper\(\) steps through the graph"):
        adopt(Value(2.0) * 3.0)


def test_an_operand_that_was_copied_is_no_part_of_the_graph() -> None:
    """As by Scalar(other.data): its gradient stayed 0, and nothing was said."""
    right = "other if isinstance(other, Scalar) else Scalar(other)\n        out = Scalar(self.data * "
    module = run(SOURCE.replace(right, "Scalar(getattr(other, 'data', other))\n        out = Scalar(self.data * "))
    a, b = module.Scalar(2.0), module.Scalar(3.0)
    report = adopt(a * b, {"a": a, "b": b, "twice": b + b})
    assert report.notes == ("b: no part of this graph, so no gradient comes there: was it copied?",)


def test_any_name_that_was_given_is_a_label() -> None:
    """One that looked like a made-up name was lost."""
    module = run(SOURCE)
    a, b = module.Scalar(2.0), module.Scalar(3.0)
    b.label = "b"
    root = adopt(a * b, {"a (node 7)": a}).root
    assert (root.label, {leaf.label for leaf in root.operands}) == (None, {"a (node 7)", "b"})


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.__main__ import main

    file = tmp_path / "homework.py"
    bug = BUGS[0]
    file.write_text(SOURCE.replace(bug.right, bug.wrong) + "\n\nloss, inputs = graph()\nsmall = inputs['a'] * 2.0\n")
    assert main(["adopt", str(file)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("loss, a Scalar graph of 27 nodes: 1 bug\n  overwrites: ")
    assert f"{file}:" in out
    assert main(["adopt", str(file), "--root", "small"]) == 0
    assert "small, a Scalar graph of 3 nodes: no bug found" in capsys.readouterr().out
    assert main(["adopt", str(file), "--root", "big"]) == 2
    assert "has no graph big; graphs are loss, small" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["adopt", "homework.ipynb"])
    assert "is a notebook: call engine.adopt(root) in it" in capsys.readouterr().err
    (tmp_path / "none.py").write_text("x = 3\n")
    assert main(["adopt", str(tmp_path / "none.py")]) == 2
    assert "no graph" in capsys.readouterr().err
    (tmp_path / "broken.py").write_text("x = 1 / 0\n")
    assert main(["adopt", str(tmp_path / "broken.py")]) == 2
    err = capsys.readouterr().err
    assert err.endswith(f"ZeroDivisionError: division by zero\n  {tmp_path / 'broken.py'}:1: x = 1 / 0\n")
    (tmp_path / "ends.py").write_text("import sys\nsys.exit('done')\n")
    assert main(["adopt", str(tmp_path / "ends.py")]) == 2
    assert "SystemExit: done\n" in capsys.readouterr().err
    assert main(["adopt", str(tmp_path / "missing.py")]) == 2
    assert "missing.py" in capsys.readouterr().err


@pytest.mark.parametrize("own", ["engine.py", "engine/__init__.py"])
def test_the_command_runs_a_file_as_python_does(own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Modules beside it were not found, an engine there was taken to be this one, and it had the arguments."""
    from engine.__main__ import main

    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).write_text(SOURCE)
    (tmp_path / "settings_of_homework.py").write_text("SIZE = 3.0\n")
    (tmp_path / "homework.py").write_text(
        "import sys\nfrom engine import Scalar\nfrom settings_of_homework import SIZE\n"
        "assert len(sys.argv) == 1\nx = Scalar(SIZE)\nloss = x * x\n"
    )
    before = sys.path, sys.argv, sys.modules["engine"]
    assert main(["adopt", str(tmp_path / "homework.py")]) == 0
    assert "loss, a Scalar graph of 2 nodes: no bug found" in capsys.readouterr().out
    assert before == (sys.path, sys.argv, sys.modules["engine"])
    del sys.modules["settings_of_homework"]


@pytest.mark.parametrize(
    ("right", "wrong", "out", "err"),
    [
        (
            "other.grad -= out.grad",
            "other.gard -= out.grad",
            "raises: _backward of difference raised AttributeError",
            "AttributeError: 'Scalar' object has no attribute 'gard'",
        ),
        (
            "out._backward = _backward",
            "out._backward = _backward()",
            "",
            "its `_backward` cannot be called, it is None (store the function, without calling it",
        ),
    ],
)
def test_the_command_judges_a_file_that_raises_in_backward(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, out: str, err: str
) -> None:
    """Most files end in a call of it, and the graph is there when that raises."""
    from engine.__main__ import main

    file = tmp_path / "homework.py"
    uses = "\n\ndifference = Scalar(3.0) - Scalar(2.0)\ndifference.backward()\n"
    file.write_text(SOURCE.replace(right, wrong) + uses)
    assert main(["adopt", str(file)]) == 2
    shown = capsys.readouterr()
    assert out in shown.out
    assert err in shown.err
    assert "no graph" not in shown.err
