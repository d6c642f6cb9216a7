"""The Values that a function reads, and where their numbers are while programs work on them.

- lending: their numbers, lent to the programs that read or train them
- showing: other numbers, shown in place of those of Values
- places: the places of Values among a million
"""
