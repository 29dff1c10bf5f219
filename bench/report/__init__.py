"""Records -> pages. `bench report` makes them.

build.py             from records to files: the page and markdown, or LaTeX
parts.py             the records in order: studies of one test set, each of parts of one protocol
answer.py            the answer in sentences
overview.py          the first screen's figure, the main table, what the numbers rest on
page.py              the page; markdown_report.py the same as markdown; paper.py for LaTeX
figures/             one file a figure; style.py, interval_rows.py and map_panels.py are what they share
feature_measures.py  what features say of emotion: purity, a linear probe, silhouette
saved_features.py    the features beside a record
won_and_lost.py      queries that one run finds and another does not
explanations.py      why a run picked what it picked
thumbnails.py        small pictures of clips
html_table.py        tables as HTML
"""
