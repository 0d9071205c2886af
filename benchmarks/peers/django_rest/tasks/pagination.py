"""Pagination."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class TaskPagination(CursorPagination):
    """Newest first, by cursor."""

    ordering = "-id"
    page_size = 1000
    max_page_size = 1000
    page_size_query_param = "limit"

    def get_paginated_response(self, data: Any) -> Response:
        """Return the envelope of the contract."""
        link = self.get_next_link()
        cursor = parse_qs(urlsplit(link).query)[self.cursor_query_param][0] if link else None
        return Response({"data": data, "pagination": {"limit": self.page_size, "next_cursor": cursor}})
