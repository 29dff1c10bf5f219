"""What `bench search` finds things in: a folder of videos as windows of some seconds, each with its features.

models.py       what encodes clips and queries: a run, a CLIP-ViP checkpoint, a plain CLIP
windows.py      how a video is split
reading.py      windows to frames, decoded ahead of the model
expressions.py  the faces of a window's frames
store.py        the index on disk: a manifest, float16 features
building.py     brings the index of a folder up to date
vectors.py      which vectors are nearest: numpy; with_faiss.py and with_qdrant.py do the same
"""
