from django.contrib import admin

from .models import Entry


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    list_display = ["author", "message", "attachment_name", "created"]
    list_select_related = ["author"]
    readonly_fields = ["attachment_name", "created", "changed"]
    exclude = ["attachment"]  # files come and go with their entry
    search_fields = ["author__username", "message"]
    date_hierarchy = "created"
