from django.conf import settings
from django.db import models


class Topic(models.Model):
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Row(models.Model):
    title = models.CharField(max_length=120)
    text = models.TextField()
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.title
