"""The textbook formula of each loss in arbitrary precision; mirrors `lossspec.losses` file by file.

A definition has the name and the arguments of its loss. The arguments are those of *one unit*: numbers are mpmath
numbers, arrays are nested lists of them, labels and lengths are ints. It is naive on purpose: precision is the oracle's
concern, which evaluates it with more and more digits until they agree.

Definitions of other forms see the selected part of the whole call. A coupled one returns a list of one value per unit.
An aggregate one also gets `reduce`: it turns a list with a number for each unit into the weighted sum, divided as the
reduction says.
"""
