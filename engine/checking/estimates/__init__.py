"""Derivatives from values alone, and what they say about a claim.

- differences: a derivative, with a bound on its error
- noise: how far values are off, on which that bound depends
- verdicts: whether a claim agrees with such estimates
- slopes: the slopes at a kink, a jump or the end of a domain, where there is no single derivative
- clarke: the same for several inputs, along further directions
- second_look: the finest and the widest steps, for claims that differences contradict
- stairs: the slope of a function that moves in steps, as where a small number is added to a large one
- turning: whether a function turns between neighbouring floats, so that no difference shows its slope
- taylor: the rate at which the remainder of Taylor's formula shrinks, which needs no step
- thresholds: how much evidence each verdict needs, in one table
"""
