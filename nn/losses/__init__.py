"""Losses: each scores predictions against labels with one number, which training minimises.

Nesting tells one sample from a batch: `cross_entropy([v, v, v], 2)` scores one row of logits,
`cross_entropy([[v, v, v], ...], [2, ...])` one row for each sample. The others score place by place, at any
nesting: `mse(v, 3.0)`, `mse([v, ...], [3.0, ...])`. A list of one output, as `Layer` and `MLP` return it,
pairs with a bare number. Lengths must match: nothing is broadcast.

`reduction` is "mean" over all samples (places), "sum", or "none" for each loss, nested as they came. Labels
that are numbers are checked; a Value as a label joins the graph unchecked, and gradients flow into it.

- regression: squared and absolute errors
- binary: losses of two classes
- classes: losses of several classes
- named: all losses by name
- labels: what the labels of each loss may be
- places: predictions and targets in pairs
- reduction: mean or sum of the samples' losses; a loss of one sample made into one of a batch
- weighted: labels that have weights, and losses of them
- activated: a warning where scores have gone through a softmax, sigmoid or relu already
- remarks: notes for readers of their graphs, such as on a cross-entropy of probabilities
"""
