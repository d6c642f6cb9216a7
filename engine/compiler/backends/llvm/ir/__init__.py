"""Writing LLVM's language: vectors and loops as Python expressions, and the functions of the table on vectors.

- builder: a function in the making
- vector: a value in it
- control: loops that end inside, cells of memory
- templates: a primitive's native form
- functions: those that a module has once, such as the polynomials of vectormath, trigonometry and error_function
- lookups: the position that an index names
- shuffles: lanes exchanged between vectors, and summed
- words: records and tables that Python fills
"""
