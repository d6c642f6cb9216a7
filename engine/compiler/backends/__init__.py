"""Back ends: each turns a plan into a program.

- protocol: programs, which a back end makes from plans
- choice: the best back end that is installed, or the one that was asked for
- python: the plan as a tape, the reference for the others
- numpy: groups as arrays
- llvm: native code
- update: an optimiser's update in Python, on lists and arrays
- array_training: steps with NumPy
- array_templates: primitives on arrays
"""
