"""The guestbook's pages. Everyone reads, who is logged in writes, and each edits their own."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import RedirectURLMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import CreateView, DeleteView, DetailView, ListView, UpdateView
from django.views.generic.detail import SingleObjectMixin

from .attachments import content_type
from .export import csv_pieces
from .forms import EntryForm, NewEntryForm
from .models import Entry, EntryQuerySet


class EntryList(ListView):
    paginate_by = 20
    queryset = Entry.objects.newest_first()


class EntryPage(DetailView):
    queryset = Entry.objects.newest_first()


class SignGuestbook(LoginRequiredMixin, SuccessMessageMixin, CreateView):
    form_class = NewEntryForm
    template_name = "guestbook/entry_form.html"
    success_url = reverse_lazy("guestbook:list")
    success_message = "Thank you for signing."

    def form_valid(self, form: BaseForm) -> HttpResponse:
        form.instance.author = self.request.user
        return super().form_valid(form)


class OwnEntryMixin(LoginRequiredMixin, SingleObjectMixin):
    """The entry of the URL: 403 where it is somebody else's."""

    queryset = Entry.objects.newest_first()

    def get_object(self, queryset: EntryQuerySet | None = None) -> Entry:
        entry = super().get_object(queryset)
        if entry.author != self.request.user:
            raise PermissionDenied(f"Only {entry.author} may change this entry.")
        return entry


class EditEntry(OwnEntryMixin, SuccessMessageMixin, UpdateView):
    form_class = EntryForm
    success_message = "Your entry has been changed."


class DeleteEntry(OwnEntryMixin, SuccessMessageMixin, DeleteView):
    success_url = reverse_lazy("guestbook:list")
    success_message = "Your entry has been deleted."


class SignUp(RedirectURLMixin, CreateView):
    form_class = UserCreationForm
    template_name = "registration/signup.html"
    next_page = "guestbook:list"

    def form_valid(self, form: BaseForm) -> HttpResponse:
        response = super().form_valid(form)
        login(self.request, self.object)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)


@csrf_exempt  # it only reads; another method gets its 405, not a 403
@require_safe
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    entry = get_object_or_404(Entry.objects.exclude(attachment=""), pk=pk)
    name = entry.attachment_name
    try:
        file = entry.attachment.open()
    except FileNotFoundError as error:
        raise Http404(f"the file of entry {pk} is gone") from error
    response = FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type(name)
    )
    # For a browser that shows it all the same: no scripts, no origin.
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@csrf_exempt  # it only reads; another method gets its 405, not a 403
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    pieces = csv_pieces(Entry.objects.newest_first())
    headers = {"Content-Disposition": 'attachment; filename="guestbook.csv"'}
    return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)
