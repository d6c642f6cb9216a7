"""Derivatives from values alone, and what they say about a claim.

- differences: a derivative with a bound of its error; verdicts: whether a claim agrees with it
- slopes: what a function has at a kink, a jump or the end of a domain in place of one derivative
- clarke: the same of several inputs, along further directions
- appeal: a second hearing, by the finest steps and the widest, for a claim that differences speak against
- taylor: the rate at which the remainder of Taylor's formula shrinks, which needs no step
"""
