"""Pages that explain data: sections of words, tables and figures -> one HTML text that needs nothing else.

Every text is escaped by the template; figures become inline SVG whose ids and namespaces cannot clash or load anything.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#24292f"  # in a figure; becomes currentColor in the page, so that axes and labels follow light and dark
STYLE: dict[Any, Any] = {  # the keys that matplotlib knows differ between its versions
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # texts stay texts: small, searchable, escaped by the XML writer
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a log is a dollar
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
DRAWABLE = 0x250  # Latin: every font has it; a missing glyph is a warning and a box
LABEL_LENGTH = 44  # characters; longer labels leave no room for the plot


@dataclass(frozen=True)
class Picture:
    """A figure as SVG, and what it shows, for those who do not see it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of texts; the first `texts` columns are words, the others figures."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1


@dataclass(frozen=True)
class Block:
    """What to see, the trap that it shows, and the picture or the table beside it; below it, if that is wide."""

    words: tuple[str, ...]
    trap: str = ""
    picture: Picture | None = None
    table: Table | None = None
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading and its blocks; a section that has nothing to show says why in the words of one block."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """The title as a link's target."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Page:
    """A title, what it was made of, its key figures (name, value) and its sections."""

    title: str
    origin: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def render(page: Page) -> str:
    """The page as HTML: no script, nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader("batch_training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(page=page)


def picture(name: str, caption: str, draw: Callable[[], Figure]) -> Picture:
    """What `draw` draws in the pages' style; `name` is unique in its page. The same data give the same text."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        text = StringIO()
        draw().savefig(text, format="svg", metadata=NO_METADATA)
    return Picture(inline(text.getvalue(), name), caption)


def panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of that size (inches) and its axes, row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [each for row in axes for each in row]


def label(text: str) -> str:
    """A log's text as a plot can show it: one line, Latin letters, not too long."""
    plain = "".join(char if char.isprintable() and ord(char) < DRAWABLE else "?" for char in text)
    return shortened(plain, LABEL_LENGTH)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def inline(svg: str, name: str) -> Markup:
    """An SVG file's text as an element of a page: no namespaces, no style rules, ids that begin with `name`."""
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = local(element.tag)
        element.attrib = {local(key): own(local(key), value, name) for key, value in element.attrib.items()}
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib["role"] = "img"
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # the XML writer has escaped it


def local(qualified: str) -> str:
    """'{namespace}name' -> 'name'."""
    return qualified.rpartition("}")[2]


def own(key: str, value: str, name: str) -> str:
    """An attribute's value with the figure's own ids and the page's ink."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1)
    return value.replace("url(#", f"url(#{name}-").replace(INK, "currentColor")
