"""A function to go down on, what an optimiser makes of it, and an optimiser of one's own."""

from engine import sqrt
from nn import Memory, Optimizer, Setting

START = [1.5, -0.7, 0.3]


def rosenbrock(x, y, z):
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2 + (x * z - 0.5) ** 2


def trajectory(make, parameters, steps=50):
    optimizer = make(parameters)
    for _ in range(steps):
        optimizer.zero_grad()
        rosenbrock(*parameters).backward()
        optimizer.step()
        yield [float(p.data) for p in parameters]


class RMSprop(Optimizer):
    """As PyTorch's."""

    alpha = Setting(0.99, least=0.0, below=1.0)
    eps = Setting(1e-8, least=0.0)
    momentum = Setting(0.0, least=0.0)
    mean_square, velocity = Memory(), Memory()

    @staticmethod
    def rule(p, g, mean_square, velocity, s):
        mean_square = s.alpha * mean_square + (1 - s.alpha) * g * g
        step = g / (sqrt(mean_square) + s.eps)
        if not s.momentum:
            return p - s.lr * step, mean_square, velocity
        velocity = s.momentum * velocity + step
        return p - s.lr * velocity, mean_square, velocity
