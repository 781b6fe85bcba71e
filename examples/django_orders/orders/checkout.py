"""Taking an order, and charging it in the background."""

from __future__ import annotations

from background import TryAgain, background
from django.core.mail import send_mail
from django.db import transaction

from . import payments
from .models import Order, Product

ATTEMPTS = 5  # and so max_attempts of the queue is 5, or more


class OutOfStock(Exception):
    pass


@transaction.atomic
def place_order(email: str, product: Product) -> None:
    order = Order.objects.create(email=email)
    charge.delay_on_commit(order=order.pk)
    take_from_stock(product)


def take_from_stock(product: Product) -> None:
    product.refresh_from_db()
    if product.stock == 0:
        raise OutOfStock
    product.stock -= 1
    product.save()


@background(queue="payments")
def charge(retry_count: int, *, order: int) -> None:
    placed = Order.objects.get(pk=order)
    if placed.state != "placed":
        return  # this is a second delivery
    try:
        payments.charge(order)
    except payments.PaymentsDown:
        if retry_count < ATTEMPTS - 1:
            raise TryAgain from None
        # We make this the final attempt: to return is to answer 200, and then the queue does not come again.
        cancel(placed)
        return
    placed.state = "paid"
    placed.save()


def cancel(order: Order) -> None:
    order.state = "cancelled"
    order.save()
    send_mail("Your order is cancelled", "We could not charge you.", "shop@orders.test", [order.email])
