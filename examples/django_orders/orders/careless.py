"""The same two, written carelessly."""

from __future__ import annotations

from background import TryAgain, background
from django.db import transaction

from . import payments
from .checkout import ATTEMPTS, cancel, take_from_stock
from .models import Order, Product


@transaction.atomic
def careless_place_order(email: str, product: Product) -> None:
    order = Order.objects.create(email=email)
    careless_charge.delay(order=order.pk)  # the task is there, whatever becomes of the order
    take_from_stock(product)


@background(queue="payments")
def careless_charge(retry_count: int, *, order: int) -> None:
    placed = Order.objects.get(pk=order)
    try:
        payments.charge(order)
    except payments.PaymentsDown:
        if retry_count == ATTEMPTS - 1:
            cancel(placed)  # "the queue gives up now": it does not, before max_retry_duration is over, too
        raise TryAgain from None
    placed.state = "paid"
    placed.save()
