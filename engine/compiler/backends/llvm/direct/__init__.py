"""Native code that Python calls as functions of its own, and that reads Python's objects where they are.

- step: a step of a training on arrays and lists; step_code: its native code, which reads them by that of samples_code,
  and is told what it needs in a record
- tree: numbers of Values in trees of lists, dicts and modules; tree_code: its native code
- objects: where all these objects have what they hold
"""
