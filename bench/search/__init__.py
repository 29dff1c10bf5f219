"""What `bench search` finds things in: a folder of videos as windows of some seconds, each with its features.

models.py         what encodes clips and queries: a run, a CLIP-ViP checkpoint, a plain CLIP
windows.py        how a video is split
reading.py        windows to frames, decoded ahead of the model
face_tracks.py    the faces of a window's frames
index_store.py    the index on disk: a manifest, float16 features
building.py       brings the index of a folder up to date, or makes one in place of another
backends/         which vectors are nearest, one module a backend
searcher.py       a folder opened to be asked
answer_render.py  what the commands print
"""
