"""Predictions of trained models, and how good they are.

- programs: a model's outputs, from compiled code where possible; means: loss and metrics of fixed samples, many times
- predicting: outputs, probabilities, classes; rules: how outputs become classes; columns: outputs of many samples
- labels: the classes that labels name; metrics: accuracy, confusion matrix, R² and others; named: those by name
- scoring: losses and metrics of a data set; broadcasting: those that NumPy computes of all pairs by mistake;
  few_bits: those of labels whose sums overflow
- description: a table of a model's layers
"""
