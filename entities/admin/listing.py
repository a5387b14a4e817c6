"""Lists whose pages cost the same in a table of any size: they look ahead, and never count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import EmptyPage, InvalidPage, Page, PageNotAnInteger, Paginator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

MAX_PAGES = 100
"""How far a list can be leafed through: further back, an OFFSET reads more than anybody looks at.
Filters and search reach every row."""


class UncountedPage(Page):  # type: ignore[type-arg]  # no class at run time takes one
    """A page that knows whether another follows, and not how many."""

    def __init__(
        self, rows: Sequence[Any], number: int, paginator: UncountedPaginator, *, is_last: bool
    ) -> None:
        super().__init__(rows, number, paginator)
        self.is_last = is_last

    def has_next(self) -> bool:
        return not self.is_last

    @property
    def first(self) -> int:
        """The place of its first row, from 1."""
        return (self.number - 1) * self.paginator.per_page + 1

    @property
    def last(self) -> int:
        """The place of its last row."""
        return self.first + len(self.object_list) - 1


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # as above
    """Fetches one row more than fits on a page, in the place of counting all of them."""

    def page(self, number: int | str) -> UncountedPage:
        """Fetch a page, in one query.

        Raises:
            PageNotAnInteger, EmptyPage: there is no such page.
        """
        try:
            number = int(number)
        except (TypeError, ValueError):
            raise PageNotAnInteger(number) from None
        if not 1 <= number <= MAX_PAGES:
            raise EmptyPage(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        if not rows and number > 1:
            raise EmptyPage(number)
        return UncountedPage(
            rows[: self.per_page], number, self, is_last=len(rows) <= self.per_page
        )


class UncountedChangeList(ChangeList):
    """Django's list without its two counts. `admin/entities/pagination.html` leafs through it."""

    current_page: UncountedPage

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        try:
            page = cast("UncountedPage", paginator.page(self.page_num))
        except InvalidPage:
            raise IncorrectLookupParameters from None
        self.current_page = page
        self.result_list = page.object_list
        # A lower bound, which tells the templates whether there is more than this page.
        self.result_count = page.last + page.has_next()
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(page.object_list)
        self.can_show_all = False
        self.multi_page = False  # the stock links would want to know the last page
        self.paginator = paginator

    @property
    def previous_url(self) -> str | None:
        """The page before, for its link."""
        return self._page_url(self.page_num - 1) if self.page_num > 1 else None

    @property
    def next_url(self) -> str | None:
        """The page behind, for its link."""
        reachable = self.current_page.has_next() and self.page_num < MAX_PAGES
        return self._page_url(self.page_num + 1) if reachable else None

    @property
    def ends_early(self) -> bool:
        """Whether there is more than can be leafed to."""
        return self.current_page.has_next() and self.page_num >= MAX_PAGES

    def _page_url(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: number})
