"""Users' mistakes that training would hide: refused, or warned of.

- ownership: an optimiser that does not hold the model's parameters, and results that were kept while these changed
- reach: parameters that the loss never reads or nobody trains, and numbers that left the graph
- targets: labels that the last activation never gives
- running: plain numbers that change, and are not put back with the best epoch
- idle: epochs that change nothing
"""
