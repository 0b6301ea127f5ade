"""Reading YAML that a stranger wrote: no tags that make objects, and no few lines that stand for billions."""

from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same loader in C where PyYAML has it: a quarter of the time."""
MOST_NODES = 1_000_000
"""Values of a file, each alias counted as often as what it stands for."""
DEEPEST = 100
"""Levels of nesting."""


class TooLarge(yaml.YAMLError):
    """YAML beyond what is read; caught wherever broken YAML is."""


def compose(text: str) -> tuple[Any, Any]:
    """(root node, value) of one YAML document, None for an empty one. Raises yaml.YAMLError, TooLarge among them."""
    if (at := _too_deep(text)) is not None:
        raise TooLarge(f"nested more than {DEEPEST} levels deep in line {at}")
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        _check(node)
        return node, None if node is None else loader.construct_document(node)
    except RecursionError as error:
        raise TooLarge("nested too deeply, or an alias inside of what it stands for") from error
    finally:
        loader.dispose()


def load_yaml(text: str) -> Any:
    """The value of one YAML document. Raises yaml.YAMLError, TooLarge among them."""
    return compose(text)[1]


def _too_deep(text: str) -> int | None:
    """Line in which more brackets are open than are read; the parser in C does not survive a hundred thousand."""
    if text.count("[") + text.count("{") <= DEEPEST and text.count("- - - -") == 0:
        return None
    deepest = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                deepest += 1
                if deepest > DEEPEST:
                    return event.start_mark.line + 1 if event.start_mark else 1
            elif isinstance(event, yaml.CollectionEndEvent):
                deepest -= 1
    except yaml.YAMLError:
        return None
    return None


def _check(root: Any) -> None:
    """Count values with aliases written out, without writing them out. Raises TooLarge."""
    sizes: dict[int, int] = {}
    todo, open_ = [root], set()
    while todo:
        node = todo[-1]
        if id(node) in sizes or not isinstance(node, yaml.CollectionNode):
            sizes.setdefault(id(node), 1)
            todo.pop()
            continue
        inner = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        if id(node) not in open_:
            open_.add(id(node))
            if any(id(part) in open_ and id(part) not in sizes for part in inner):
                raise TooLarge("an alias inside of what it stands for")
            todo += inner
            continue
        sizes[id(node)] = 1 + sum(sizes.get(id(part), 1) for part in inner)
        if sizes[id(node)] > MOST_NODES:
            raise TooLarge(f"more than {MOST_NODES:,} values once its aliases are written out")
        todo.pop()
