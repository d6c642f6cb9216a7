"""From graph to graph: each pass maps a computation to another one that gives the same numbers.

- computation: what is wanted, as symbols: the one record that all passes map; verify: what is true of it after each
- simplify: identities, applied whenever a symbol is made
- raising: additions and products become sums and dots; lowering: only what back ends know is left
- linear: a result as a linear form, for those who want to know what it adds up
- differentiate: the gradient as a graph, and its sums over the samples; lookups: what an index selects of these
- coverage: which branches are always reached by one or another
"""
