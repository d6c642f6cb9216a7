"""Stands for the data: plain numbers, and lists and arrays of them, which are not Values to the user's code.

- numbers: symbols of plain numbers; noted: what a trace notes of them
- arithmetic: how operators on them differ from those on Values; kinds: what a number is to NumPy; digits: where shorter
  floats of NumPy come out differently
- rows: lists, tuples and arrays of numbers, which behave differently
- types: the types of the numbers; asking: whether the user's code asks for them; type_calls: by `type(x)`;
  truth_tests: by `x is True`; identity_tests: whether it asks if two are one
"""
