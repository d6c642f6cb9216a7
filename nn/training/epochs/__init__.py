"""How the steps of an epoch are made.

- task: what is to be learned, and how; where batches are drawn
- eager: steps node by node
- compiled: all steps in one call, or a call for each batch
- choice: the best of these
"""
