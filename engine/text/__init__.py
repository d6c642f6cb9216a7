"""What people read: names, tables and formulas, and back from a formula to a graph.

- sheet: the form of every shown result: a title, columns, rows and notes, coloured where that helps
- names: what a node is called, by its label, by a module's path, or by the expression that made it
- source: a graph as Python
- expressions: Python as a graph, read safely
- remarks: notes on what would mislead a reader of a graph
- lost: where numbers left the graph by float()
- takers: what took them, though nobody wrote float()
- callers: which line of the user's code is running
- phrasebook: errors that say what to write in place of another library's words
- elsewhere: those words for what is here
"""
