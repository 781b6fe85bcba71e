from __future__ import annotations

from django.db import models


class Product(models.Model):
    stock = models.IntegerField()


class Order(models.Model):
    email = models.EmailField()
    state = models.CharField(max_length=10, default="placed")  # then "paid" or "cancelled"
