from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import api, errors, views

app_name = "guestbook"

urlpatterns = [
    path("", views.EntryList.as_view(), name="list"),
    path("entries/new/", views.SignGuestbook.as_view(), name="sign"),
    path("entries/<int:pk>/", views.EntryPage.as_view(), name="entry"),
    path("entries/<int:pk>/edit/", views.EditEntry.as_view(), name="edit"),
    path("entries/<int:pk>/delete/", views.DeleteEntry.as_view(), name="delete"),
    path("entries/<int:pk>/attachment/", views.attachment, name="attachment"),
    path("export.csv", views.export, name="export"),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/signup/", views.SignUp.as_view(), name="signup"),
    path("api/entries/", api.entries, name="api-entries"),
    path("api/entries/<int:pk>/", api.entry, name="api-entry"),
    path("api/me/", api.me, name="api-me"),
]
for pattern in urlpatterns:
    pattern.callback = errors.explaining_405(pattern.callback)
