"""What is there to be sold at first."""

from typing import Any, ClassVar

from django.db import migrations


def stock(apps: Any, schema_editor: Any) -> None:
    article = apps.get_model("django_shop", "Article")
    article.objects.create(name="lamp", stock=20)
    article.objects.create(name="chair", stock=5)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("django_shop", "0001_articles_and_orders")]
    operations: ClassVar = [migrations.RunPython(stock, migrations.RunPython.noop)]
