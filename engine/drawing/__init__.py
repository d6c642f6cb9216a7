"""Drawing a graph: from Values to boxes, from boxes to DOT text, from text to an image or a page.

- output: what users call, to_dot, draw, draw_dot, save_steps
- notebook: what a notebook shows of a graph
- picture: boxes and edges
- views: parts of a graph to draw
- collapse: which nodes share a box
- owners: the module that each node belongs to
- looks: how boxes and edges look; lettering: the font; theme: the colours
- images: a picture as an image, by our own layout or by Graphviz
- layout: places boxes without Graphviz
- svg: draws a picture with it
- placing: chooses our own layout or Graphviz
- graphviz: DOT text of a picture, and images made of it
- page: both passes as a page to step through in a browser
"""

from .notebook import mimebundle as mimebundle
from .notebook import steps_frame as steps_frame
from .output import draw as draw
from .output import draw_dot as draw_dot
from .output import save_steps as save_steps
from .output import to_dot as to_dot
