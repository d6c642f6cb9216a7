"""From graph to graph: each pass maps a computation to another one that gives the same numbers.

- computation: the record that every pass maps to a new one: what to compute, as symbols
- verify: its invariants
- simplify: identities, applied whenever a symbol is made
- raising: additions and products become sums and dots
- lowering: only what back ends know is left
- linear: a result as a linear form: its terms and their weights
- differentiate: the gradient as a graph, and its sums over the samples
- contributions: what a gradient is gathered from
- coverage: whether every sample meets one of some conditions
- lookups: sums of the gradient whose leaf an index selects
"""
