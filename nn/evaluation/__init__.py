"""Predictions of trained models, and how good they are.

- predicting: outputs, probabilities, classes of samples
- scoring: losses and metrics of a data set
- metrics: accuracy, confusion matrix, R² and others
- named: metrics by name
- labels: the classes that labels name
- rules: how outputs become classes
- programs: a model's outputs, from compiled code where possible
- means: loss and metrics of fixed samples, computed many times
- columns: operations on the outputs of many samples
- broadcasting: users' losses and metrics that NumPy computes of all pairs by mistake
- few_bits: those of numbers whose sums overflow
- description: a table of a model's layers
"""
