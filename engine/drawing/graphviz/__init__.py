"""By Graphviz: what is large, PNG and PDF.

- dot_text: a picture as DOT text, which needs no Graphviz; digraph: the same as an object of the graphviz package
- renderers: DOT text to an image, by whichever Graphviz there is (bundled: one inside a package)
"""
