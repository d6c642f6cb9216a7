"""Stands for the data: plain numbers, and lists and arrays of them, which are not Values to the user's code.

- numbers: symbols of plain numbers
- noted: what a trace notes of them
- arithmetic: how operators on them differ from those on Values
- kinds: what a number is to Python and NumPy
- digits: where numbers of few digits come out differently
- rows: lists, tuples and arrays of numbers, which behave differently
- types: the types of the numbers of samples
- asking: whether the user's code asks for the class of a thing
- type_calls: whether it does by `type(x)`
- truth_tests: whether it asks `x is True`
- identity_tests: whether it asks if two things are one
"""
