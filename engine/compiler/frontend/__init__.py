"""From the user's function to a graph of symbols.

- symbol: what stands for a Value while the function runs; graph: all symbols, each expression once
- given: what stands for the data, which are plain numbers, lists and arrays
- operands: of a dot, whose weights are one object and no symbols
- conditions: comparisons and what follows from them
- trace: the function run on symbols, twice; watching: what it does with Values meanwhile
- reads: what it reads from outside besides Values, and whether that is as it was
- declared: what primitives of the user's are made of
- randomness: the numbers that it draws
- fingerprint: what tells one traced function from another, for the cache
"""
