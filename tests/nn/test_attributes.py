"""Attributes that nothing would read are refused; what classes, and their users' subclasses, have is taken."""

import copy
import pickle

import pytest

import nn
from engine import Value


def optimizer(kind=nn.SGD, **settings):
    return kind([Value(1.0), Value(2.0)], lr=0.1, **settings)


class WithCode(nn.SGD):
    """Has attributes of its own, one of which the class does not name."""

    def __init__(self, params, lr):
        self.before = 1
        super().__init__(params, lr)
        self.after = 2

    def step(self):
        self.later = 3
        super().step()


class Rule(nn.Optimizer):
    """Declares what it has."""

    alpha = nn.Setting(0.9)

    @staticmethod
    def rule(p, g, s):
        return p - s.lr * s.alpha * g

    def agree(self, settings):
        """Nothing to refuse."""


class Named(nn.SGD):
    """Has another word for the learning rate, and says so."""

    @property
    def learning_rate(self):
        return self.lr

    @learning_rate.setter
    def learning_rate(self, rate):
        self.lr = rate


REFUSED = [
    (optimizer, "learning_rate", "SGD has no attribute 'learning_rate': here it is lr"),
    (optimizer, "max_grad_norm", "an argument of nn.fit and nn.Trainer"),
    (lambda: nn.Trainer(lambda x: x, nn.mse, optimizer()), "scheduler", "here it is schedule$"),
    (optimizer, "weigth_decay", "did you mean weight_decay"),
    (optimizer, "betas", "nothing would read it"),
    (optimizer, "schedule", "an argument of nn.fit and nn.Trainer"),
    (lambda: optimizer(nn.AdamW), "momentum", "AdamW has no attribute 'momentum'"),
    (lambda: optimizer(Rule), "weight_decay", "Rule has no attribute"),
    (lambda: optimizer(WithCode), "learning_rate", "here it is lr"),
    (lambda: nn.EagerStep(lambda x: x, nn.mse, optimizer()), "schedule", "set optimizer.lr before each step"),
    (lambda: nn.EagerStep(lambda x: x, nn.mse, optimizer()), "clip_norm", "when the step is made"),
    (
        lambda: nn.EagerStep(lambda x: x, nn.mse, optimizer()),
        "lr",
        "the optimiser has it, as in .* and later optimizer.lr",
    ),
    (
        lambda: nn.Trainer(lambda x: x, nn.mse, optimizer()),
        "lr",
        "the optimiser has it, as in .* and later optimizer.lr",
    ),
    (lambda: nn.Trainer(lambda x: x, nn.mse, optimizer()), "threads", "when the Trainer is made"),
    (lambda: nn.Trainer(lambda x: x, nn.mse, optimizer()), "batch_size", "nothing would read it"),
]


@pytest.mark.parametrize(("make", "name", "message"), REFUSED)
def test_an_attribute_that_nothing_reads_is_refused(make, name, message):
    thing = make()
    with pytest.raises(AttributeError, match=message):
        setattr(thing, name, 0.5)
    assert not hasattr(thing, name)
    if isinstance(thing, nn.Optimizer):
        for copied in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            with pytest.raises(AttributeError, match=message):
                setattr(copied, name, 0.5)


def test_subclasses_have_what_they_add():
    own = optimizer(WithCode)
    own.params[0].grad = 1.0
    own.step()
    own.tag = "mine"
    assert (own.before, own.after, own.later, own.tag) == (1, 2, 3, "mine")
    copied = pickle.loads(pickle.dumps(own))
    assert (copied.tag, copied.steps, copied.lr) == ("mine", 1, 0.1)


@pytest.mark.parametrize("module", ["__main__", "mine", "networks", "zoo.own"])
def test_subclasses_of_any_module_have_what_they_add(module):
    own = optimizer(type("Own", (nn.SGD,), {"__module__": module, "step": WithCode.step}))
    own.tag = "mine"
    assert own.tag == "mine"


def test_a_class_may_declare_another_word():
    own = optimizer(Named)
    own.learning_rate = 0.5
    assert own.lr == own.learning_rate == 0.5


def test_private_attributes_and_those_of_the_class_are_taken():
    own, steps = optimizer(), []
    own._note = 1
    own.step = lambda: steps.append(1)
    own.step()
    own.momentum = 0.5
    assert (own._note, steps, own.settings["momentum"]) == (1, [1], 0.5)


def test_settings_are_for_reading():
    """Compiled steps would not see what is written into them."""
    own = optimizer()
    for thing in (own, copy.deepcopy(own), pickle.loads(pickle.dumps(own))):
        with pytest.raises(TypeError):
            thing.settings["momentum"] = 0.9
        assert thing.momentum == 0.0


MODEL = nn.MLP(2, [1], seed=0)
OPTIMIZER = nn.SGD(MODEL.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("thing", "name", "told"),
    [
        (MODEL, "fit", r"'MLP' object has no attribute 'fit': write nn.fit\(model, X, y, loss, optimizer\)$"),
        (MODEL, "state_dict", r"'state_dict': write nn.save\(model, path\)"),
        (MODEL.layers[0], "weight", "'Layer' object has no attribute 'weight': each of a layer's neurons has its own"),
        (OPTIMIZER, "learning_rate", "'SGD' object has no attribute 'learning_rate': here it is lr$"),
        (OPTIMIZER, "param_groups", "'SGD' object has no attribute 'param_groups': the parameters are params"),
        (nn.History(), "to_csv", r"'to_csv': write pandas\.DataFrame\(history\.to_dict\(\)\)$"),
        (nn.History(), "save", r"'save': write nn\.save\(model, path, history=history\)"),
        (nn.History(), "history", r"'History' object has no attribute 'history': write to_dict\(\)"),
        (MODEL, "nothing", "^'MLP' object has no attribute 'nothing'$"),
    ],
)
def test_a_missing_attribute_tells_what_it_is_called_here(thing, name, told):
    assert not hasattr(thing, name)
    with pytest.raises(AttributeError, match=told):
        getattr(thing, name)


def test_an_own_attribute_of_such_a_name_is_as_any_other():
    class Fitting(nn.Module):
        def fit(self):
            return "fitted"

        @property
        def score(self):
            return self.of_nothing

    model = Fitting()
    model.summary = 1
    assert (model.fit(), model.summary) == ("fitted", 1)
    with pytest.raises(AttributeError, match=r"^'Fitting' object has no attribute 'of_nothing'$"):
        model.score  # noqa: B018  # reading it is what fails
    assert pickle.loads(pickle.dumps(nn.History())) == copy.deepcopy(nn.History())


def test_a_model_with_the_method_of_pytorch_is_told_its_name_here():
    class Forward(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(2, 1, seed=0)

        def forward(self, x):
            return self.layer(x)

    model = Forward()
    with pytest.raises(
        TypeError,
        match=r"model must be a callable, not Forward .*: rename its forward to __call__, which model\(x\) calls",
    ):
        nn.fit(model, [[0.0, 1.0]], [1.0], nn.mse, nn.SGD(model.parameters(), lr=0.1))
    for call in (model, nn.Sequential(model), lambda x: nn.predict(model, [x])):
        with pytest.raises(TypeError, match=r"^Forward is not callable: rename its forward to __call__"):
            call([0.0, 1.0])

    class Called(Forward):
        def __call__(self, x):
            return self.forward(x)

    class Calls:
        def __call__(self, x):
            return self.forward(x)

    class CalledByAnother(Forward, Calls):
        pass

    assert Called()([0.0, 1.0]) == CalledByAnother()([0.0, 1.0]) == model.layer([0.0, 1.0])


def test_an_estimator_in_place_of_a_model_is_told_where_its_model_is():
    class Estimator:
        def get_params(self):
            return {}

    with pytest.raises(
        TypeError, match=r"model must be a callable, not Estimator .*: once it is fitted give its model_"
    ):
        nn.accuracy(Estimator(), [[0.0]], [1])


def test_a_class_in_place_of_a_model_or_a_loss_is_named():
    model = nn.MLP(1, [1])
    for given in ({"model": nn.MLP}, {"loss": nn.MLP}):
        with pytest.raises(TypeError, match=rf"{next(iter(given))} is the class MLP: make one, MLP\(\.\.\.\)"):
            nn.Trainer(**{"model": model, "loss": nn.mse, "optimizer": nn.SGD(model.parameters(), lr=0.1), **given})


@pytest.mark.parametrize("name", ["parameters", "modules", "children", "train"])
def test_an_attribute_that_hides_a_method_of_every_module_is_refused(name):
    module = nn.Module()
    for hiding in ([nn.Layer(1, 1)], nn.Layer(1, 1), True):
        with pytest.raises(AttributeError, match=f"^{name} is a method of every Module, which an attribute of Module"):
            setattr(module, name, hiding)
    setattr(module, name, lambda *_: "replaced by a function, as for a test")
    assert getattr(module, name)() == "replaced by a function, as for a test"


@pytest.mark.parametrize("name", ["trainable", "requires_grad"])
def test_what_freezes_a_layer_elsewhere_is_refused(name):
    """It froze nothing: here that is a matter of the optimiser."""
    with pytest.raises(AttributeError, match="what an optimiser does not hold is frozen: give it the parameters to"):
        setattr(nn.Layer(2, 1, seed=0), name, False)

    class Own(nn.Module):
        def __init__(self):
            setattr(self, name, True)

    assert getattr(Own(), name)
