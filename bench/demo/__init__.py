"""`bench demo`: the search as a page in the browser.

    bench demo DIR [--run ID | --model NAME] [--compare ID]

server.py   opens the folder, binds, serves
app.py      the routes: the page, why, JSON, clips, stills
guard.py    around every answer: who may ask, and what the page may do
side.py     a searcher behind a queue of one; the second model's index
shelf.py    the folder's files by id, and nothing else
cards.py    what the page shows of a moment
why.py      which words of a query give a moment its score
templates/  server-rendered, so that the basic search needs no script
static/     style and script
"""
