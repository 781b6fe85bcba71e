def order(number: int) -> int:
    return number
