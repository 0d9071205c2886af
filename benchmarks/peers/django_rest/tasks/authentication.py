"""Authentication and permissions."""

from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission


@dataclass
class User:
    """The user of a token."""

    id: str
    is_authenticated = True


class TokenAuthentication(BaseAuthentication):
    """Accepts a JWT as a bearer token."""

    def authenticate(self, request: Any) -> tuple[User, str] | None:
        """Return the user of the token.

        Raises:
            AuthenticationFailed: the token is invalid.
        """
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(token, settings.JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
        except jwt.PyJWTError:
            raise AuthenticationFailed from None
        return User(claims["sub"]), token

    def authenticate_header(self, request: Any) -> str:  # noqa: ARG002 # The signature of REST framework.
        """Return the value of WWW-Authenticate."""
        return "Bearer"


class IsOwner(BasePermission):
    """Allows only the user in the path."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Compare the user of the token with the one in the path."""
        return request.user is not None and request.user.id == view.kwargs["user_id"]
