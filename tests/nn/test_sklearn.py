"""The estimators, as scikit-learn checks and uses them."""

import inspect
import pickle
import sys
import warnings

import pytest

from tests.needs import needs

np = needs("numpy")
needs("sklearn", "1.6")

from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import nn
from nn.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs are enough here

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
QUICK = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 40, "random_state": 0, "batch_size": 32}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("coefs_", r"its Values are model_\.named_parameters\(\)"),
        ("n_layers_", "the network is model_"),
        ("best_loss_", "history_"),
        ("partial_fit", "each fit starts anew"),
    ],
)
def test_attributes_of_scikit_learns_networks_are_missing_with_their_remedy(name, remedy):
    for network in (MLPClassifier(), MLPRegressor()):
        assert not hasattr(network, name)
        with pytest.raises(AttributeError, match=f"^'{type(network).__name__}' object has no .* '{name}': .*{remedy}"):
            getattr(network, name)


def test_it_is_imported_when_somebody_asks_for_it(monkeypatch):
    assert nn.sklearn.MLPClassifier is MLPClassifier
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "nn.sklearn")
    monkeypatch.delattr(nn, "sklearn")
    with pytest.raises(
        ImportError, match=r"nn\.sklearn needs scikit-learn 1.6 or later: pip install .scikit-learn>=1.6"
    ):
        nn.sklearn  # noqa: B018  # asking is enough


DATES = np.arange(len(X)).astype("datetime64[D]")


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("misread", "error", "message"),
    [
        (lambda pd: (np.ma.masked_array(X, X > 5), Y), TypeError, "X is a masked array with gaps"),
        (lambda pd: (X, np.ma.masked_array(Y, Y > 1)), TypeError, "y is a masked array with gaps"),
        (lambda pd: (X, Y, np.ma.masked_array(Y + 1.0, Y > 1)), TypeError, "sample_weight is a masked array with gaps"),
        (lambda pd: (np.stack([DATES, DATES], 1), Y), TypeError, r"X holds datetime64\[D\], not numbers: make"),
        (lambda pd: (pd.DataFrame({"a": DATES - DATES[0]}), Y), TypeError, r"X holds timedelta64\[.*\], not numbers"),
        (
            lambda pd: (pd.DataFrame(X), pd.Series(Y)[::-1]),
            ValueError,
            r"which rows belong together\? Row 0 .* y\.loc\[",
        ),
        (
            lambda pd: (pd.DataFrame(X), Y, pd.Series(Y + 1.0)[::-1]),
            ValueError,
            "which rows belong .* in sample_weight",
        ),
        (lambda pd: (X, pd.Series(Y), pd.Series(Y + 1.0)[::-1]), ValueError, "which rows belong .* in y and"),
    ],
)
def test_what_scikit_learns_checks_would_misread_is_refused(kind, misread, error, message):
    """Gaps were learned from, dates counted as nanoseconds, and rows went by position against their labels."""
    data = misread(needs("pandas"))
    with pytest.raises(error, match=message):
        kind(**QUICK).fit(*data)
    network = kind(**QUICK | {"max_iter": 1}).fit(*(part[:, :1] if part.ndim > 1 else part for part in (X, Y)))
    with pytest.raises(error, match=message):
        network.score(*data)


def test_dates_are_labels_and_no_numbers():
    assert MLPClassifier(**QUICK).fit(X, DATES[Y]).predict(X[:1]) == DATES[0]
    with pytest.raises(TypeError, match=r"y holds datetime64\[D\], not numbers"):
        MLPRegressor(**QUICK).fit(X, DATES[Y])
    with pytest.raises(TypeError, match="X is a masked array with gaps"):
        MLPRegressor(**QUICK).fit(X, Y).predict(np.ma.masked_array(X, X > 5))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_scikit_learns_own_checks(kind):
    """All that its own networks pass; a small one learns enough for them in few epochs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(kind((8,), learning_rate_init=0.02, max_iter=50), on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert failed == {}
    assert len(results) > 50
    with pytest.raises(ValueError, match=r"1 sample|one class"):  # as they ask for, with any settings
        kind(early_stopping=True).fit([[1.0]], [1.0])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("solver", "it is trained with Adam; nn.fit takes any optimiser"),
        ("learning_rate", "the rate stays learning_rate_init; nn.fit takes a schedule"),
        ("warm_start", r"each fit starts anew; nn.fit\(..., resume=history\) goes on"),
        (
            "class_weight",
            r"give fit\(..., sample_weight=\), such as that of sklearn.utils.class_weight.compute_sample_weight",
        ),
        ("hidden_layers", r"did you mean hidden_layer_sizes\?"),
        ("x", "there are activation, alpha, backend, batch_size, .*, verbose"),
    ],
)
def test_a_parameter_that_is_not_there_is_refused_in_the_estimators_name(name, told):
    with pytest.raises(TypeError, match=f"MLPClassifier has no parameter '{name}': {told}\\Z"):
        MLPClassifier((3,), **{name: 1})
    assert "alpha: 'float' = 0.0001" in str(inspect.signature(MLPRegressor))


@pytest.mark.parametrize("name", ["warm_start", "learning_rate", "class_weight"])
def test_a_parameter_that_is_not_there_cannot_be_set_either(name):
    """`network.warm_start = True` was kept, and read by nothing: each fit began anew all the same."""
    network = MLPRegressor((3,))
    with pytest.raises(AttributeError, match=f"MLPRegressor has no parameter '{name}': "):
        setattr(network, name, True)
    network.note = "mine"
    assert clone(network.set_params(alpha=0.5)).alpha == 0.5


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("hidden_layer_sizes", (0,), ValueError),
        ("hidden_layer_sizes", (2.5,), TypeError),
        ("learning_rate_init", -1.0, ValueError),
        ("learning_rate_init", "adaptive", TypeError),
        ("max_iter", 0, ValueError),
        ("tol", "x", TypeError),
        ("tol", -1.0, ValueError),
        ("early_stopping", "yes", TypeError),
        ("alpha", -1.0, ValueError),
        ("batch_size", None, TypeError),
        ("n_iter_no_change", 0, ValueError),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_own_name(name, value, error):
    with pytest.raises(error, match=f"{name} must be"):
        MLPClassifier(**{**QUICK, name: value}).fit(X, Y)


def test_in_pipelines_and_searches():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**QUICK))
    assert cross_val_score(pipeline, X, NAMES, cv=3).mean() > 0.9
    search = GridSearchCV(pipeline, {"mlpclassifier__hidden_layer_sizes": [(2,), (8,)]}, cv=2).fit(X, NAMES)
    assert search.best_score_ > 0.8
    assert set(search.predict(X)) <= set(NAMES)


def test_a_classifier():
    network = MLPClassifier(**QUICK).fit(X, NAMES)
    assert list(network.classes_) == ["setosa", "versicolor", "virginica"]
    assert network.score(X, NAMES) > 0.9
    assert network.loss_curve_ == network.history_.losses
    assert network.loss_ == network.loss_curve_[-1]
    assert network.n_iter_ == 40
    again = clone(network).fit(X, NAMES)
    np.testing.assert_array_equal(again.predict_proba(X), network.predict_proba(X))
    copied = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(copied.predict_proba(X), network.predict_proba(X))
    with pytest.raises(ValueError, match="one class, 'setosa'"):
        MLPClassifier().fit(X[:10], NAMES[:10])


def test_stopping():
    early = MLPClassifier(early_stopping=True, n_iter_no_change=2, **{**QUICK, "max_iter": 500}).fit(X, Y)
    assert early.n_iter_ < 500
    assert early.history_.stopped == "patience"
    settled = MLPClassifier(tol=0.5, n_iter_no_change=3, **QUICK).fit(X, Y)
    assert settled.n_iter_ < 40
    assert settled.history_.stopped == "callback"
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs passed"):
        MLPClassifier(**{**QUICK, "max_iter": 2}).fit(X, Y)


def test_weights():
    weights = np.where(Y == 2, 0.0, 1.0)
    network = MLPClassifier(**QUICK).fit(X, NAMES, sample_weight=weights)
    assert set(network.predict(X[Y != 2])) <= {"setosa", "versicolor"}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("weights", [-np.ones(150), np.where(Y == 1, -1.0, 2.0)])
def test_negative_weights_are_refused(kind, weights):
    with pytest.raises(ValueError, match="a sample weight must be at least 0, not -1"):
        kind(**QUICK).fit(X, Y, sample_weight=weights)


def test_scikit_learns_names_mean_what_they_mean_there():
    theirs = MLPClassifier(activation="logistic", **QUICK).fit(X, Y)
    ours = MLPClassifier(activation="sigmoid", **QUICK).fit(X, Y)
    np.testing.assert_array_equal(theirs.predict_proba(X), ours.predict_proba(X))
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), rtol=1e-12)
    assert np.isfinite(ours.predict_log_proba(1e4 * X)).all()


@pytest.mark.parametrize(
    ("options", "learnt"),
    [
        ({"batch_size": "auto"}, 40),
        ({"batch_size": "auto", "early_stopping": True, "validation_fraction": 0.25}, 30),
        ({"batch_size": 20}, 20),
    ],
)
def test_the_penalty_is_shared_by_the_samples_that_are_learnt_from(options, learnt, monkeypatch):
    fit, decays = nn.sklearn.fit, []
    monkeypatch.setattr(nn.sklearn, "fit", lambda *args, **more: decays.append(args[4].decay) or fit(*args, **more))
    MLPClassifier(alpha=3.0, **{**QUICK, **options}).fit(X[:120:3], Y[:120:3])
    assert {*decays[0]} == {0.0, 3.0 / learnt}


def test_the_loss_of_regression_is_scikit_learns_and_so_is_what_counts_as_an_improvement():
    """Half of the mean squared error: a constant that is learnt leaves half of the variance."""
    from sklearn.neural_network import MLPRegressor as Theirs

    options = {"hidden_layer_sizes": (2,), "alpha": 0.0, "max_iter": 400, "learning_rate_init": 0.1, "random_state": 0}
    zeros, targets = np.zeros((150, 1)), np.where(np.arange(150) % 2, 3.0, 1.0)
    theirs, ours = Theirs(**options).fit(zeros, targets), MLPRegressor(**options).fit(zeros, targets)
    assert [ours.loss_, theirs.loss_] == pytest.approx([0.5, 0.5], abs=0.05)

    assert settled(ours.loss_curve_, 1e-4, 10) == len(ours.loss_curve_) < 400


def settled(losses, tol, n_iter_no_change):
    """The epoch after which scikit-learn stops, by its own rule."""
    from sklearn.neural_network import MLPRegressor as Theirs

    rule = Theirs(tol=tol)
    rule.best_loss_, rule._no_improvement_count, rule.loss_curve_ = np.inf, 0, []
    for epoch, loss in enumerate(losses, 1):
        rule.loss_curve_.append(loss)
        rule._update_no_improvement_count(False, None, None, None)
        if rule._no_improvement_count > n_iter_no_change:
            return epoch
    return None


@pytest.mark.parametrize(("tol", "wait"), [(1e-2, 3), (0.1, 1), (0.02, 8)])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_training_stops_where_scikit_learns_does(kind, tol, wait):
    """Epochs that improve by less than `tol` each stop it, however much they do together: it went on twice as long."""
    network = kind((5,), "tanh", tol=tol, n_iter_no_change=wait, max_iter=400, learning_rate_init=0.02, random_state=0)
    network.fit((X - X.mean(0)) / X.std(0), Y)
    assert settled(network.loss_curve_, tol, wait) == network.n_iter_ < 400


def test_training_begins_as_scikit_learns_does():
    """By smaller weights than `nn.MLP` chooses for relu: with these, ten epochs did not catch up."""
    from sklearn.neural_network import MLPRegressor as Theirs

    samples, targets = make_regression(150, 10, noise=20.0, random_state=0)
    targets = (targets - targets.mean()) / targets.std()

    def course(kind):
        networks = [
            kind(hidden_layer_sizes=(100,), max_iter=10, random_state=k).fit(samples, targets) for k in range(5)
        ]
        return np.mean([network.loss_curve_ for network in networks], axis=0)

    assert course(MLPRegressor) == pytest.approx(course(Theirs), rel=0.1)


@pytest.mark.parametrize("effects", [[1.0, -2.0, 0.5, 1.0], [[1.0, 0.0], [-2.0, 0.5], [0.5, 1.0], [1.0, 3.0]]])
@pytest.mark.parametrize("alpha", [0.0, 30.0])
def test_the_penalty_is_scikit_learns(alpha, effects):
    """It is one of the weights alone, beside half of the mean squared error: a network of one layer is a ridge."""
    from sklearn.linear_model import Ridge
    from sklearn.neural_network import MLPRegressor as Theirs

    samples = (X - X.mean(0)) / X.std(0)
    targets = 10.0 + samples @ np.array(effects)
    options = {"activation": "identity", "alpha": alpha, "max_iter": 1500, "learning_rate_init": 0.1, "random_state": 0}
    ours, theirs = (
        kind(hidden_layer_sizes=(), batch_size=150, tol=0.0, n_iter_no_change=1500, **options)
        for kind in (MLPRegressor, Theirs)
    )
    expected = Ridge(alpha=alpha).fit(samples, targets).predict(samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for network in (ours, theirs):
            np.testing.assert_allclose(network.fit(samples, targets).predict(samples), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_iter_no_change": 0}, "n_iter_no_change must be at least 1"),
        ({"alpha": -1}, "alpha must be a finite number of at least 0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**{**QUICK, **options}).fit(X, Y)


def test_data_frames():
    pandas = needs("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    network = MLPClassifier(**QUICK).fit(frame, pandas.Series(NAMES))
    assert list(network.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(network.predict(frame), MLPClassifier(**QUICK).fit(X, NAMES).predict(X))


@pytest.mark.parametrize("targets", [1, 2])
def test_a_regressor(targets):
    samples, numbers = make_regression(80, 4, n_targets=targets, random_state=0)
    numbers = numbers / numbers.std(0)
    network = MLPRegressor((16,), learning_rate_init=0.02, max_iter=100, random_state=0).fit(samples, numbers)
    assert network.predict(samples).shape == numbers.shape
    assert network.score(samples, numbers) > 0.95


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_its_model_knows_the_columns_too(kind):
    """As it may be saved, and be given a table later, when the estimator is gone."""
    pandas = needs("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = kind(**QUICK).fit(frame, Y).model_
    np.testing.assert_array_equal(nn.predict(model, frame), nn.predict(model, X))
    with pytest.raises(ValueError, match="'b' for column 0, where the model was trained with 'a'"):
        nn.predict(model, frame[["b", "a", "c", "d"]])
