"""Native code that Python calls like its own functions, and that reads Python's objects in place.

- step: a training step on arrays or lists
- step_code: its native code
- samples_code: how that reads samples
- record: its parameters
- tree: numbers of Values in trees of lists, dicts and modules
- tree_code: its native code
- objects: the memory layout of all these objects
- refusing: functions that look into them
"""
