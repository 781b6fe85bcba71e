def check(order):
    assert order == 2
