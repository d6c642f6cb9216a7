"""Drawing by Graphviz: large pictures, PNG and PDF.

- dot_text: a picture as DOT text, which needs no Graphviz
- renderers: DOT text to an image, by the Graphviz that is installed
- bundled: the Graphviz inside pygraphviz, run as a program
- digraph: a picture as an object of the graphviz package
"""
