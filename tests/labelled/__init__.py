"""A corpus of ours for measuring detection: made by a seed, the same on every machine.

`values` makes what must be found, `lookalikes` what must survive, `texts` puts both into sentences
and records of Gladly's shapes with a label on each, `disguises` writes values otherwise than they
read, `scores` says how well a detector did. Nothing in it belongs to anybody: names are made of
syllables, domains are reserved for examples.
"""
