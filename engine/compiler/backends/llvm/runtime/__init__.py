"""The loop around the kernels: steps, blocks of samples, the update, and threads that share them.

- driver: the loop
- frame: its parameters
- memory: buffers
- packing, samples: from the user's arrays to blocks
- masks: those of dropout, drawn there
- shuffle: orders of samples
- update: the optimiser's step
- underflow: numbers too small for it
- cost_model: how to split a batch
- fork_join, threads: sharing it
"""
