"""A stylesheet that finds the rules of a part once for all parts that stand alike.

Textual looks through all rules whenever a part comes, the focus moves or a view opens, and sets each of them
again though nothing is other: a third of what the console worked. Which rules hold depends on those that
could, and on the path from the application to the part: types, ids, classes and states. What was found for a
path is kept in the process, so that a screen that opens again finds everything.
"""

# ruff: noqa: SLF001 - a stylesheet sets what is private to its nodes

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.cache import LRUCache
from textual.css.model import RuleSet, SelectorType
from textual.dom import DOMNode
from textual.widget import Widget

from vasini_tui.console.parsed_once import ParsedOnce

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.css.styles import RulesMap

_KNOWN = 4096
"""Paths whose styles are kept: some megabytes, and all screens need a quarter of it."""

_SHEETS = 64
"""Rules in force whose names are kept: of each theme, and of the screens that have been opened by then."""

_Path = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part holds after its rules were set, and what Textual notes of them."""

    rules: RulesMap
    hover: bool
    focus_within: bool
    order: bool
    odd_or_even: bool

    @classmethod
    def of(cls, node: DOMNode) -> _Found:
        noted = node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even
        return cls(node.styles.base.get_rules(), *noted)

    def hold(self, node: DOMNode) -> None:
        """Let another part have the same."""
        node._has_hover_style, node._has_focus_within = self.hover, self.focus_within
        node._has_order_style, node._has_odd_or_even = self.order, self.odd_or_even
        base = node.styles.base
        held, rules = base._rules, self.rules
        if not held and not node._is_mounted:  # nothing is to be told to anybody yet
            held.update(rules)
            base._updates += 1
            if node._parent is not None:
                node._nodes.updated()
        elif held != rules:
            for name in held.keys() | rules.keys():
                value: object = rules.get(name)
                if held.get(name) != value:
                    setattr(base, name, value)
        node.notify_style_update()


@dataclass(frozen=True, eq=False, slots=True)
class _Candidates:
    """The rules that could hold for a part, whatever stands above it."""

    by_path: bool
    """Whether the path says which ones hold: a place among siblings or a focus below is not in it."""


_candidates: LRUCache[tuple[RuleSet, ...], _Candidates] = LRUCache(_KNOWN)
_found: LRUCache[tuple[_Candidates, _Path], _Found] = LRUCache(_KNOWN)


class _Names:
    """What the rules in force name."""

    def __init__(self, rules: tuple[RuleSet, ...]) -> None:
        self._places = {id(rule): place for place, rule in enumerate(rules)}
        selectors = [one for rule in rules for several in rule.selector_set for one in several.selectors]
        self.ids = {one.name for one in selectors if one.type is SelectorType.ID}
        self.classes = frozenset(one.name for one in selectors if one.type is SelectorType.CLASS)
        self.candidates: dict[_Path, _Candidates] = {}

    def candidates_of(self, rules: Iterable[RuleSet], not_in_paths: set[str]) -> _Candidates:
        """The same object for the same rules, also in another console or after more rules came."""
        ordered = tuple(sorted(set(rules), key=lambda rule: self._places[id(rule)]))
        if (known := _candidates.get(ordered)) is None:
            by_path = all(rule.pseudo_classes.isdisjoint(not_in_paths) for rule in ordered)
            known = _candidates[ordered] = _Candidates(by_path)
        return known


_named: LRUCache[tuple[RuleSet, ...], _Names] = LRUCache(_SHEETS)


class StyledOnce(ParsedOnce):
    """Styles as Textual has them; what it found is kept. Nothing moves, as nothing in the console does."""

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._names = _Names(())
        self._names_of: list[RuleSet] = []
        self._paths: dict[DOMNode, _Path] = {}
        """Those of the update that is under way."""

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[Any, ...], RulesMap] | None = None
    ) -> None:
        """See Textual."""
        del animate
        alone = cache is None
        if alone:
            self._paths.clear()
        self._apply(node, cache)
        if alone:
            self._paths.clear()

    def update_nodes(self, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        """See Textual."""
        self._paths.clear()
        super().update_nodes(nodes, animate=animate)
        self._paths.clear()

    def _apply(self, node: DOMNode, cache: dict[tuple[Any, ...], RulesMap] | None = None) -> None:
        candidates = self._candidates_of(node)
        if not candidates.by_path:
            super().apply(node, cache=cache)
            return
        key = candidates, self._path(node)
        if (found := _found.get(key)) is None:
            super().apply(node)
            _found[key] = _Found.of(node)
        else:
            found.hold(node)
            self._process_component_classes(node)

    def _process_component_classes(self, node: DOMNode) -> None:
        before, node._component_styles = node._component_styles, {}
        changed = False
        for component in sorted(node._get_component_classes()):
            if (styles := before.get(component)) is None or (part := styles.node) is None:
                part = DOMNode(classes=component)
                part._attach(node)
                styles = part.styles
            rules = styles.base.get_rules()
            self._apply(part)
            changed = changed or rules != styles.base._rules
            node._component_styles[component] = styles
        if changed:
            node.refresh()

    def _names_now(self) -> _Names:
        if self._names_of is not (rules := self.rules):
            key = tuple(rules)  # put together again, they are mostly the same
            if (known := _named.get(key)) is None:
                known = _named[key] = _Names(key)
            self._names, self._names_of = known, rules
        return self._names

    def _candidates_of(self, node: DOMNode) -> _Candidates:
        names = self._names_now()
        own = (type(node), node._id if node._id in names.ids else None, node.classes & names.classes)
        if (known := names.candidates.get(own)) is None:
            by_name = self.rules_map
            rules = (rule for name in by_name.keys() & node._selector_names for rule in by_name[name])
            known = names.candidates_of(rules, self._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE)
            names.candidates[own] = known
        return known

    def _path(self, node: DOMNode) -> _Path:
        if (known := self._paths.get(node)) is not None:
            return known
        names, above = self._names_now(), node._parent
        path = (
            self._path(above) if isinstance(above, DOMNode) else None,
            type(node),
            node._id if node._id in names.ids else None,
            node.classes & names.classes,
            _state(node),
        )
        self._paths[node] = path
        return path


def _state(node: DOMNode) -> Sequence[bool]:
    """What pseudo classes ask of one part; what is disabled above is in the path."""
    if isinstance(node, Widget):
        return (node.mouse_hover, node.has_focus, node.disabled, node.allow_focus())
    if isinstance(node, App):
        app: App[Any] = node
        return (app.app_focus, app.current_theme.dark, app.is_inline, app.native_ansi_color, app.no_color)
    return ()
