"""From a computation to a plan: what to compute in which order, and where each number lies.

- planner: makes a plan from a computation
- plan: what a plan is
- verify: its invariants
- text: a plan as text
- layout: operations in groups, and a slot for each
- strides: which slots lie evenly spaced
- outer_products, lookups: the gradient's sums over the samples
- lazy: a plan that is made on demand
"""
