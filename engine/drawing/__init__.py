"""Drawing a graph: from Values to boxes, from boxes to DOT text, from text to an image or a page.

- output: what users call, to_dot, draw, draw_dot, save_steps; notebook: what one shows of a graph
- picture: boxes and edges; views and collapse choose what becomes a box, by the modules that nodes belong to: owners;
  looks, lettering and theme give its looks
- layout: places boxes without Graphviz; svg: draws a picture with it; placing: chooses it or Graphviz
- graphviz: DOT text of a picture, and images made of it; images: a picture as an image, by either way
- page: both passes as a page to step through in a browser
"""

from .notebook import mimebundle as mimebundle
from .notebook import steps_frame as steps_frame
from .output import draw as draw
from .output import draw_dot as draw_dot
from .output import save_steps as save_steps
from .output import to_dot as to_dot
