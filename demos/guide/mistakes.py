"""Mistakes that everybody makes, as code: `tables` runs it, and writes down what the engine says to each."""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """One mistake.

    Attributes:
        chapter: where it belongs.
        title: what was done.
        remedy: what to do.
        code: the statements that make it, one after the other; an indented line belongs to the statement above.
    """

    chapter: str
    title: str
    remedy: str
    code: str

    @property
    def statements(self) -> list[str]:
        """The statements of the code, those of several lines with an empty one at the end, as at a prompt."""
        found: list[str] = []
        for line in self.code.strip().splitlines():
            if line[:1] == " " or (found and found[-1].startswith("@") and "\n" not in found[-1]):
                found[-1] += f"\n{line}"
            else:
                found.append(line)
        return [statement + "\n" if "\n" in statement else statement for statement in found]


MISTAKES = [
    # ---- gradients ----
    Mistake(
        "Gradients",
        "`zero_grad()` was forgotten.",
        "Gradients of leaves add up; clear them before each pass: `optimizer.zero_grad()`, or `y.zero_grad()`.",
        """
x = Value(3.0, "x")
y = x * x
y.backward()
y.backward()
engine.notes(y)
""",
    ),
    Mistake(
        "Gradients",
        "A number was changed after the forward pass.",
        "A gradient is that of the recorded numbers. Evaluate again; in a loop compute the loss in every step.",
        """
import warnings
x = Value(3.0, "x")
y = x * x
x.data = 4.0
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    y.backward()
print(caught[0].message)
engine.notes(y)
""",
    ),
    Mistake(
        "Gradients",
        "A result was kept while a parameter changed.",
        "In a loop that result is as old as the first step, and the rest is new: no function has such a gradient.",
        """
t = Value(2.0, "t")
k = 1 / (t * t)
t.data = 2.5
(k * t).backward()
""",
    ),
    Mistake(
        "Gradients",
        "A number was assigned to a result.",
        "Only leaves can be changed; a result follows from them.",
        """
y = x * x
y.data = 5.0
""",
    ),
    Mistake(
        "Gradients",
        "`math.exp` of a Value.",
        "`math` takes the plain number, and the gradient ends there. The notes of a graph say so, too.",
        """
x, w = Value(0.3, "x"), Value(2.0, "w")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    y = math.exp(x) * w
print(caught[0].message)
engine.notes(y)[0]
""",
    ),
    Mistake(
        "Gradients",
        "The gradient of a function of `math`.",
        "`math` gives a plain number, which has no derivative.",
        """
engine.gradient(lambda x: math.sin(x))(1.0)
""",
    ),
    Mistake(
        "Gradients",
        "`backward()` of a list.",
        "A layer gives a list, even for one output. Differentiate one number: the loss, or `model(x)[0]`.",
        """
model = nn.MLP(2, [3, 1], seed=1)
model([1.0, 2.0]).backward()
""",
    ),
    Mistake(
        "Gradients",
        "The gradient is nan.",
        "An infinite slope met a zero. Keep clear of the pole, for instance by `(x * x + 1e-12).sqrt()`.",
        """
x = Value(0.0, "x")
y = (x * x).sqrt()
y.backward()
x.grad
engine.find_anomaly(y)
""",
    ),
    Mistake(
        "Gradients",
        "A list where a number is meant.",
        "A Value is one number. Make one for each: `[Value(t) for t in ts]`.",
        """
Value([1.0, 2.0])
""",
    ),
    # ---- losses and labels ----
    Mistake(
        "Losses and labels",
        "Softmax twice.",
        "`cross_entropy` takes scores and has the softmax inside. With two, the loss falls slowly and never gets near "
        "0. The engine warns, in `fit` too, as it does of `bce_with_logits` and `hinge` of a sigmoid.",
        """
scores = [Value(2.0), Value(1.0)]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    loss = nn.cross_entropy(nn.softmax(scores), 0)
print(caught[0].message)
engine.notes(loss)[0]
""",
    ),
    Mistake(
        "Losses and labels",
        "Raw outputs, or a softmax, into `nll`.",
        "`nll` takes logarithms of probabilities; given anything else, the loss falls without end.",
        """
nn.nll(nn.softmax([Value(2.0), Value(1.0)]), 0)
""",
    ),
    Mistake(
        "Losses and labels",
        "Softmax as an activation.",
        "Softmax takes all outputs at once; put it into the loss.",
        """
nn.MLP(2, [8, 3], activation="softmax")
""",
    ),
    Mistake(
        "Losses and labels",
        "Classes counted from 1.",
        "Labels are 0 to n - 1.",
        """
nn.cross_entropy([Value(0.1), Value(0.2), Value(0.3)], 3)
""",
    ),
    Mistake(
        "Losses and labels",
        "Cross-entropy with a single output.",
        "One output says yes or no.",
        """
nn.cross_entropy([Value(0.3)], 1)
""",
    ),
    Mistake(
        "Losses and labels",
        "Probabilities where scores are meant, or the other way round.",
        "`bce` takes probabilities, `bce_with_logits` scores.",
        """
nn.bce([Value(1.7)], [1])
""",
    ),
    Mistake(
        "Losses and labels",
        "Labels 0 and 1 for the hinge loss.",
        "Its labels are signs.",
        """
nn.hinge([Value(0.3)], [0])
""",
    ),
    Mistake(
        "Losses and labels",
        "Predictions and targets of different shapes.",
        "There is no broadcasting that could hide it.",
        """
nn.mse([Value(1.0), Value(2.0)], [1.0])
""",
    ),
    Mistake(
        "Losses and labels",
        "The wrong number of inputs.",
        "A row has as many numbers as the first layer takes.",
        """
model([1.0, 2.0, 3.0])
""",
    ),
    Mistake(
        "Losses and labels",
        "Numbers from a file that are texts.",
        "`csv.reader` gives texts: `[[float(x) for x in row] for row in rows]`; `pandas.read_csv` gives numbers. "
        "Scale them, too: columns in the thousands drown the others.",
        """
adam = nn.Adam(model.parameters())
nn.fit(model, [["0.5", "1.5"]], [[1.0]], nn.mse, adam, epochs=1)
""",
    ),
    # ---- training ----
    Mistake(
        "Training",
        "Parameters that were used up.",
        "A generator gives its items once; `model.parameters()` is a list.",
        """
parameters = (p for p in model.parameters())
count = len(list(parameters))
nn.SGD(parameters, lr=0.1)
""",
    ),
    Mistake(
        "Training",
        "The optimiser of another model.",
        "Make it after the model, and a new one for each new model.",
        """
old = nn.SGD(nn.MLP(2, [3, 1], seed=1).parameters(), lr=0.1)
nn.fit(model, [[0.0, 1.0]], [[1.0]], nn.mse, old, epochs=1)
""",
    ),
    Mistake(
        "Training",
        "A layer that was replaced.",
        "The optimiser still has the parameters of the old layer, and the new one would stay as it is.",
        """
head = nn.MLP(2, [3, 1], seed=1)
old = nn.SGD(head.parameters(), lr=0.1)
head.layers[1] = nn.Layer(3, 1, activation="identity", seed=2)
nn.fit(head, [[0.0, 1.0]], [[1.0]], nn.mse, old, epochs=1)
""",
    ),
    Mistake(
        "Training",
        "The learning rate is too high.",
        "The parameters stay as they were before the step that failed.",
        """
sgd = nn.SGD(model.parameters(), lr=100.0)
X, y = [[0.0, 1.0], [3.0, 1.0]], [[1.0], [2.0]]
nn.fit(model, X, y, nn.mse, sgd, epochs=300, backend="eager", seed=1)
""",
    ),
    Mistake(
        "Training",
        "Fewer labels than samples.",
        "Each sample needs its own label; a single label is not repeated.",
        """
nn.fit(model, [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], y, nn.mse, sgd, epochs=1)
""",
    ),
    Mistake(
        "Training",
        "An argument as another library calls it.",
        "The error says what the argument is called here, or what to write.",
        """
nn.SGD(model.parameters(), learning_rate=0.1)
""",
    ),
    # ---- compiling ----
    Mistake(
        "Compiling",
        "An `if` on a number.",
        "While a function is compiled there are no numbers yet.",
        """
clipped = engine.compile(lambda x: x if x > 0 else 0 * x)
clipped([1.0, -1.0])
""",
    ),
    Mistake(
        "Compiling",
        "`math.exp`, once more.",
        "`engine.exp` is compiled.",
        """
engine.compile(lambda x: math.exp(x))([1.0])
""",
    ),
    # ---- checking ----
    Mistake(
        "Checking",
        "A random function.",
        "Differences compare values, so the function must give the same value each time.",
        """
noise = random.Random(0)
engine.check_gradients(lambda x: x * noise.random(), [1.0])
""",
    ),
    Mistake(
        "Checking",
        "A point outside of the domain.",
        "Draw points from `engine.strategies.points(engine.log)`, which stay inside.",
        """
engine.check_gradients(engine.log, [-1.0])
""",
    ),
    Mistake(
        "Checking",
        "The function gives a plain number.",
        "Without a Value there is no graph to check.",
        """
engine.check_gradients(lambda x: float(x) * 2, [1.0])
""",
    ),
    # ---- stepping and drawing ----
    Mistake(
        "Stepping and drawing",
        "A name that no node has.",
        "Use the names that are printed; `engine.label_locals()` names nodes after your variables.",
        """
a = Value(2.0, "a")
(a * a).why("b")
""",
    ),
    Mistake(
        "Stepping and drawing",
        "A stepper of a leaf.",
        "Step through a result.",
        """
a.stepper()
""",
    ),
    Mistake(
        "Stepping and drawing",
        "An unknown format.",
        "SVG needs nothing installed.",
        """
(a * a).draw("graph.jpg")
""",
    ),
]
