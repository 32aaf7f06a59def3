from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.urls import reverse

from . import attachments


class EntryQuerySet(models.QuerySet["Entry"]):
    def newest_first(self) -> "EntryQuerySet":
        """With their authors, in one query."""
        return self.select_related("author").order_by("-pk")

    def version(self) -> dict[str, Any]:
        """`count` and `changed` (None without entries): differ after any change to any entry."""
        return self.aggregate(count=models.Count("pk"), changed=models.Max("changed"))


class Entry(models.Model):
    """What one person wrote into the guestbook."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="entries")
    message = models.TextField(max_length=2000)
    attachment = models.FileField(upload_to=attachments.stored_name, blank=True)
    attachment_name = models.CharField(max_length=100, blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True, db_index=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.author}: {self.message[:40]}"

    def get_absolute_url(self) -> str:
        return reverse("guestbook:entry", args=[self.pk])


@receiver(post_delete, sender=Entry)
def remove_file(instance: Entry, **kwargs: Any) -> None:
    # A signal, since deleting a user or a selection in the admin never calls Entry.delete().
    # On commit, since a rollback brings the entry back but not its file.
    if instance.attachment:
        transaction.on_commit(lambda: instance.attachment.delete(save=False))
