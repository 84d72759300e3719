"""What the shop keeps."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models


class Article(models.Model):
    """What is sold, while there is any."""

    name = models.CharField(max_length=100, unique=True)
    stock = models.PositiveIntegerField(default=0)
    sheet = models.FileField(upload_to="sheets", blank=True)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    """One of an article, sold to somebody."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="orders")
    buyer = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    placed_at = models.DateTimeField(auto_now_add=True)
