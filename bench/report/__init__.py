"""Records -> pages. `bench report` makes them.

build.py             the page, markdown, LaTeX
sentences.py         what the records say, in words
figures/             one file a figure; style.py, interval_rows.py and map_panels.py are what they share
feature_measures.py  what features say of emotion: purity, a linear probe, silhouette
saved_features.py    the features beside a record
won_and_lost.py      queries that one run finds and another does not
explanations.py      why a run picked what it picked
thumbnails.py        small pictures of clips
html_table.py        tables as HTML
"""
