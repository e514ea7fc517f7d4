"""The agent's answers to what a journey asks, one file per kind of question (the questions: `journey/states.py`, Neighbours).

Rules kept here: each answer looks at the present, never at what an earlier answer found; an action the server took back is
noticed at every question up to the refresh; trouble with the network or with expired trust holds a journey and never fails it;
what a release is comes from the signed target alone. The order of the questions, and what follows from them, is the journey's.
"""
