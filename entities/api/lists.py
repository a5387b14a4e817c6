"""What lists have in common: filters, order, pages, and how the document tells of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import BasePagination
from rest_framework.response import Response

from entities.api.base import ApiViewSet
from entities.api.filters import once_each
from entities.api.pagination import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    PARAMETERS,
    link_to,
    read_limit,
    read_page,
)
from entities.api.permissions import ManagesEntity
from entities.exceptions import EntityNotFoundError
from entities.models import Entity

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

    from entities.api.filters import ListFilterSet


class FilterParameters(BaseFilterBackend):
    """Tells the document of a list's filters. `ListViewSet` applies them."""

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        filters = view.filterset_class.base_filters
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": str(one.extra["help_text"]),
                "schema": dict(one.describes),
            }
            for name, one in filters.items()
        ]


class PageParameters(BasePagination):
    """Tells the document of pages and their form. `ListViewSet` reads them."""

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri", "example": None}
        return {
            "type": "object",
            "description": "One page of a list.",
            "required": ["success", "results", "next", "previous"],
            "properties": {
                "success": {
                    "type": "boolean",
                    "const": True,
                    "description": "Always true.",
                    "example": True,
                },
                "results": schema,
                "next": link | {"description": "URL of the page behind; null: this is the last."},
                "previous": link
                | {"description": "URL of the page before; null: it is the first."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = view.filterset_class.ordering_names()
        described = {
            "limit": (
                "How many rows a page has.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
            "cursor": (
                "Where the page begins: as `next` and `previous` have it.",
                {"type": "string", "minLength": 1},
            ),
            "ordering": (
                "The order; a minus turns it around. Left out, the newest come first, and a list "
                "filtered by a moment is ordered by that one.",
                {"type": "string", "enum": names},
            ),
        }
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": description,
                "schema": schema,
            }
            for name, (description, schema) in described.items()
        ]


class ListViewSet(ApiViewSet):
    """A view with a list: `rows` are what it can show, `filterset_class` narrows them."""

    filter_backends: ClassVar = [FilterParameters]
    pagination_class: ClassVar = PageParameters
    filterset_class: ClassVar[type[ListFilterSet]]
    item_class: ClassVar[type[BaseSerializer[Any]]]
    related: ClassVar[tuple[str, ...]] = ()
    """What the answer about a row needs loaded with it."""

    def rows(self) -> QuerySet[Any]:
        """Everything that the list can show."""
        raise NotImplementedError

    def filters(self, data: dict[str, str]) -> ListFilterSet:
        """Bind the filters to `data`."""
        return self.filterset_class(data, self.rows())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        sent = once_each(dict(request.query_params.lists()))
        limit, cursor, wanted = (sent.pop(name, None) for name in PARAMETERS)
        filters = self.filters(sent)
        page = read_page(
            filters.filtered(),
            ordering=filters.ordering(wanted),
            limit=read_limit(limit),
            cursor=cursor,
            related=self.related,
        )
        return Response(
            {
                "success": True,
                "results": [self.item(row) for row in page.rows],
                "next": link_to(request, page.next),
                "previous": link_to(request, page.previous),
            }
        )

    def item(self, row: Any) -> dict[str, Any]:
        """Write one row."""
        item: dict[str, Any] = self.item_class(row).data
        return item


class EntityListViewSet(ListViewSet):
    """A list of what belongs to the entity of the path."""

    permission_classes = [ManagesEntity]

    @cached_property
    def entity(self) -> Entity:
        """The entity of the path.

        Raises:
            EntityNotFoundError: there is none. Only a superuser gets here without one.
        """
        try:
            return Entity.objects.get(pk=self.kwargs["entityId"])
        except Entity.DoesNotExist:
            raise EntityNotFoundError from None

    def filters(self, data: dict[str, str]) -> ListFilterSet:
        return self.filterset_class(data, self.rows(), entity=self.entity)
