"""Prices.

>>> total([1, 2])
3
"""


def total(prices):
    """Add up.

    >>> total([])
    0
    >>> total(["a"])
    Traceback (most recent call last):
    TypeError: unsupported operand type(s) for +: 'int' and 'str'
    >>> total([1])
    2
    """
    return sum(prices)
