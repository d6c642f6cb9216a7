"""From the user's function to a graph of symbols.

- trace: what a function computes, as symbols: the entry
- runs: the function run on symbols, twice
- differences: whether both runs have computed the same
- symbol: stands for a Value while the function runs
- graph: all symbols, each expression once
- operands: those of a dot, whose weights are one object instead of symbols
- conditions: comparisons, as numbers
- given: stands for the data, which are plain numbers, lists and arrays
- watching: what the function does with Values while it is traced
- randomness: the random numbers that it draws
- reads: what it reads from outside besides Values, and whether that has changed
- world: what it asks the world outside Python
- declared: what the user's primitives are composed of
- bytecode: the instructions of code, and what they read
- catching: whether code may catch an error
- fingerprint: identifies a traced function, for the cache
- naming: what messages call a function
"""
