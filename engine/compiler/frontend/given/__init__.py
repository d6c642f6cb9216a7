"""What stands for the data: plain numbers, and lists and arrays of them, which are no Values to the user's code.

- numbers: symbols of theirs; arithmetic: what operators do with them that they do not with Values
- rows: lists, tuples and arrays of them, which do not do the same
- types: of what types they are given; asking: whether the user's code asks; type_calls: by `type(x)`;
  truth_tests: by `x is True`
"""
