"""Derivatives from values alone, and what they say about a claim.

- differences: a derivative with a bound on its error, which depends on how far values are off: noise
- verdicts: whether a claim agrees with it
- slopes: the slopes at a kink, a jump or the end of a domain, where there is no single derivative
- clarke: the same for several inputs, along further directions
- second_look: one with the finest and the widest steps, at a claim that differences contradict
- turning: whether a function turns between neighbouring floats, so that no difference tells its slope
- taylor: the rate at which the remainder of Taylor's formula shrinks, which needs no step
- thresholds: all that a verdict needs to be said, in one table
"""
