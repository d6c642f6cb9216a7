"""From the user's function to a graph of symbols.

- symbol: stands for a Value while the function runs; graph: all symbols, each expression once
- given: stands for the data, which are plain numbers, lists and arrays
- operands: the operands of a dot, whose weights are one object instead of symbols
- conditions: comparisons and their combinations
- bytecode: what instructions there are in code; catching: whether code may catch an error
- trace: the function run on symbols, twice; watching: what it does with Values meanwhile
- reads: what it reads from outside besides Values, and whether that has changed
- declared: what the user's primitives are composed of
- randomness: the random numbers that it draws
- fingerprint: identifies a traced function, for the cache
"""
