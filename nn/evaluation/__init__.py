"""What a trained model says, and how good that is.

- programs: a model's outputs, from compiled code where that is possible; means: of samples that stay, many times
- predicting: outputs, probabilities, classes; rules: how outputs tell a class; columns: of many samples at once
- labels: which classes labels name; metrics: how often, and how far, a model is right
- scoring: losses and metrics of a data set; description: what a model is made of
"""
