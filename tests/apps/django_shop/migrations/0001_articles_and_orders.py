"""The tables."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import CASCADE


def key() -> Any:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations: ClassVar = [
        migrations.CreateModel(
            name="Article",
            fields=[
                ("id", key()),
                ("name", models.CharField(max_length=100, unique=True)),
                ("stock", models.PositiveIntegerField(default=0)),
                ("sheet", models.FileField(blank=True, upload_to="sheets")),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", key()),
                ("placed_at", models.DateTimeField(auto_now_add=True)),
                ("article", models.ForeignKey("django_shop.article", on_delete=CASCADE, related_name="orders")),
                ("buyer", models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=CASCADE)),
            ],
        ),
    ]
