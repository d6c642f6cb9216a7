"""The samples of a call: what comes in, and what comes out for each of them.

- arguments: what users give, checked and made a batch
- batch: samples laid out in rows
- arrays: plain arrays of what users give
- outputs: what a program gives, as users get it
- masks: those of dropout, columns of a batch that are drawn anew for each step
- memory: arrays for native code, on cache lines and in large pages
"""
