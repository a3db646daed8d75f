"""What the tests of pages share: a text that would do harm, and a reader that finds what does."""

from html.parser import HTMLParser

HOSTILE = '<script>alert(1)</script><img src="http://example.org/x" onerror=alert(2)>$\\frac{$ "\u0007é東🎵'


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def harmless(page):
    """The page's elements; fails when one of them runs or loads anything."""
    elements = Elements(page)
    assert not {tag for tag, _ in elements.found} & {"script", "img", "image", "iframe", "object", "link", "base"}
    for _, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
        assert (attributes.get("href") or "#").startswith("#")
        assert "http" not in (attributes.get("style") or "")
    assert "@import" not in page
    assert "url(" not in page.replace("url(#", "")
    return elements
