"""`bench demo`: the search as a page in the browser.

    bench demo DIR [--run ID | --model NAME] [--compare ID]

server.py    opens the folder, binds, serves
app.py       the routes: the page, why, JSON, clips, stills
security.py  around every answer: who may ask, and what the page may do
session.py   a model over the folder, asked by one query at a time; the second model's index
media.py     the folder's files by id, and nothing else
results.py   what the page shows of a moment
why.py       which words of a query give a moment its score
templates/   server-rendered, so that the basic search needs no script
static/      style and script
"""
