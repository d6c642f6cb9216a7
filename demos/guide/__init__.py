"""The guide: Markdown pages whose snippets run and whose pictures and tables are made by programs.

- snippets: what runs in a page, and running it
- pictures: `python -m demos.guide.pictures` makes every picture by the code beside it; plots: the curves among them
- tables: `python -m demos.guide.tables` writes numbers.md, and mistakes.md from the list in mistakes
- conf, public_names: the site, `python -m sphinx -W -b html demos/guide OUTPUT`
- lecture.ipynb: the notebook, with what it shows; `jupyter execute --inplace demos/guide/lecture.ipynb` renews that
"""
