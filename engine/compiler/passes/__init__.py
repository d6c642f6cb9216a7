"""From graph to graph: each pass takes symbols and gives others with the same numbers.

- simplify: identities, applied whenever a symbol is made
- raising: additions and products become sums and dots; lowering: only what back ends know is left
- linear: a result as a linear form, for those who want to know what it adds up
- differentiate: the gradient as a graph, and its sums over the samples
"""
