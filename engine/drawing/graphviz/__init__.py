"""Drawing by Graphviz: large pictures, PNG and PDF.

- dot_text: a picture as DOT text, which needs no Graphviz; digraph: the same as an object of the graphviz package
- renderers: DOT text to an image, by the Graphviz that is installed (bundled: the one inside pygraphviz)
"""
