from django import forms
from django.core.files.uploadedfile import UploadedFile

from . import attachments
from .models import Entry


class EntryForm(forms.ModelForm):
    class Meta:
        model = Entry
        fields = ["message"]
        widgets = {"message": forms.Textarea(attrs={"rows": 6})}


class NewEntryForm(EntryForm):
    """With a file, which stays as it is when the entry is edited."""

    class Meta(EntryForm.Meta):
        fields = ["message", "attachment"]
        widgets = EntryForm.Meta.widgets | {"attachment": forms.FileInput}
        help_texts = {"attachment": f"Optional, at most {attachments.MAX_SIZE >> 20} MB."}

    def clean_attachment(self) -> UploadedFile | None:
        file = self.cleaned_data["attachment"]
        if file:
            attachments.check_size(file)
            self.instance.attachment_name = attachments.shown_name(file.name)
        return file
