"""Back ends: each turns a plan into a program.

- protocol: what each of them gives: a program
- choice: the best that is installed, or the one that was asked for
- python: the plan read aloud, the reference for the others; numpy: groups as arrays; llvm: native code
- update: an optimiser's update in Python, on lists and arrays; array_training: steps with NumPy;
  array_templates: primitives on arrays
- known: what is kept on disk beside native code: functions that say all that they depend on need not be traced again;
  account: what one of these says, as long as it holds
"""
