"""The samples of a call: what comes in, and what comes out for each of them.

- batch: samples laid out in rows; arguments: what users give, checked and made a batch; arrays: plain arrays of these
- outputs: what a program gives, as users get it
- masks: of dropout, columns of a batch that are drawn anew for each step
- memory: arrays for native code, on cache lines and in large pages
"""
