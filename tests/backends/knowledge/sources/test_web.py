"""Web sites are read politely, within limits, and never from inside the network."""

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from servers.website import Page, Website

from backends.knowledge.sources.address_guard import is_public
from backends.knowledge.sources.base import Item, Problem, SourceUnavailable
from backends.knowledge.sources.fetching import FetchLimits
from backends.knowledge.sources.web import SiteLimits, WebSite
from backends.knowledge.store import DocumentRecord

pytest.importorskip("protego", reason="needs the extra [sources]")

STAFF = frozenset({"staff"})
QUICK = FetchLimits(delay=0)
XML = "application/xml"


@pytest.fixture
async def site() -> AsyncIterator[Website]:
    async with Website() as opened:
        yield opened


def reader(
    site: Website, path: str = "/", *, pages: int = 100, fetch: FetchLimits = QUICK
) -> WebSite:
    limits = SiteLimits(pages, fetch)
    return WebSite("wiki", f"{site.url}{path}", STAFF, limits, allow_private=True)


async def read(
    source: WebSite, known: dict[str, DocumentRecord] | None = None
) -> tuple[dict[str, Item], dict[str, str]]:
    """The items and the problems, by name."""
    items, problems = {}, {}
    async for each in source.items(known or {}):
        if isinstance(each, Problem):
            problems[each.name] = each.reason
        else:
            items[each.name] = each
    return items, problems


def links(*targets: str) -> str:
    return " ".join(f'<a href="{target}">there</a>' for target in targets)


def sitemap(site: Website, *paths: str) -> Page:
    urls = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in paths)
    return Page(f"<urlset>{urls}</urlset>", XML)


async def test_follows_links_in_circles_once(site: Website) -> None:
    site.pages = {
        "/": links("/a", "a/", "#top", "?page=2"),
        "/a": links("/", "b.html#part", "mailto:x@y.z", "//[broken"),
        "/b.html": links("/a"),
        "/?page=2": "<p>Two</p>",
    }

    items, problems = await read(reader(site))

    assert set(items) == {"wiki/index", "wiki/a", "wiki/b.html", "wiki/index?page=2"}
    assert problems == {}
    assert len(site.pages_asked()) == 4
    assert items["wiki/a"].link == f"{site.url}/a"
    assert items["wiki/a"].suffix == ".html"
    assert site.agents == {"curbside"}


async def test_stays_below_its_folder_and_on_its_site(site: Website) -> None:
    async with Website({"/docs/stolen": "<p>Other</p>"}) as other:
        site.pages = {
            "/docs/": links("/docs/in", "/out", f"{other.url}/docs/stolen"),
            "/docs/in": "<p>In</p>",
            "/out": "<p>Out</p>",
        }

        items, problems = await read(reader(site, "/docs/"))

        assert set(items) == {"wiki/docs", "wiki/docs/in"}
        assert problems == {}
        assert other.requests == []


async def test_does_not_follow_a_redirect_to_another_site(site: Website) -> None:
    async with Website({"/": "<p>Other</p>"}) as other:
        site.pages = {
            "/": links("/away"),
            "/away": Page(status=302, headers={"Location": other.url}),
        }

        items, _ = await read(reader(site))

        assert set(items) == {"wiki/index"}
        assert other.requests == []


async def test_heeds_robots(site: Website) -> None:
    site.pages = {
        "/robots.txt": Page(
            "User-agent: *\nDisallow: /private\nDisallow: /*.pdf$\n", "text/plain"
        ),
        "/": links("/private/a", "/b", "/c.pdf", "/hidden", "/last"),
        "/private/a": "<p>Private</p>",
        "/b": "<p>Open</p>",
        "/c.pdf": Page("%PDF", "application/pdf"),
        "/hidden": '<meta name="robots" content="noindex, nofollow">'
        + links("/behind"),
        "/last": '<a rel="nofollow" href="/behind">there</a>',
        "/behind": "<p>Behind</p>",
    }

    items, problems = await read(reader(site))

    assert set(items) == {"wiki/index", "wiki/b", "wiki/last"}
    assert problems == {}
    assert set(site.pages_asked()) == {"/", "/b", "/hidden", "/last"}


async def test_pauses_between_requests_as_long_as_the_site_wishes(
    site: Website,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    site.pages = {
        "/robots.txt": Page("User-agent: *\nCrawl-delay: 7\n", "text/plain"),
        "/": links("/a"),
        "/a": "<p>A</p>",
    }
    source = WebSite("wiki", site.url, STAFF, allow_private=True, sleep=sleep)

    await read(source)

    assert slept == [pytest.approx(7, abs=1)]


async def test_reads_no_more_pages_than_allowed(site: Website) -> None:
    site.pages = {f"/{n}": links(f"/{n + 1}") for n in range(50)} | {"/": links("/0")}
    source = reader(site, pages=5)

    items, problems = await read(source)

    assert len(items) <= 5
    assert "more than 5 pages" in problems["wiki"]
    assert source.gone({"wiki/40": DocumentRecord("wiki/40", "d")}) == []


async def test_reads_the_pages_of_a_sitemap_and_of_those_it_names(
    site: Website,
) -> None:
    nested = sitemap(site, "/b", "/c.txt").body
    assert isinstance(nested, str)
    site.pages = {
        "/sitemap.xml": Page(
            "<sitemapindex>"
            f"<sitemap><loc>{site.url}/more.xml.gz</loc></sitemap>"
            f"<sitemap><loc>{site.url}/main.xml</loc></sitemap>"
            "</sitemapindex>",
            XML,
        ),
        "/more.xml.gz": Page(gzip.compress(nested.encode()), "application/gzip"),
        "/main.xml": sitemap(site, "/a", "/missing"),
        "/a": links("/unlisted"),
        "/b": "<p>B</p>",
        "/c.txt": Page("C", "text/plain"),
        "/unlisted": "<p>No</p>",
    }

    items, problems = await read(reader(site, "/sitemap.xml"))

    assert set(items) == {"wiki/a", "wiki/b", "wiki/c.txt"}
    assert items["wiki/c.txt"].suffix == ".txt"
    assert problems == {"wiki/missing": "the site answers with status 404"}


async def test_asks_whether_pages_of_a_sitemap_changed(site: Website) -> None:
    site.pages = {"/sitemap.xml": sitemap(site, "/a"), "/a": "<p>A</p>"}
    source = reader(site, "/sitemap.xml")
    first, _ = await read(source)
    known = {"wiki/a": DocumentRecord("wiki/a", "d", stamp=first["wiki/a"].stamp)}

    async for item in source.items(known):
        assert isinstance(item, Item)
        assert item.stamp == first["wiki/a"].stamp != ""
        # It is fetched all the same when we would read it otherwise than before.
        assert await item.read() == b"<p>A</p>"


async def test_an_unchanged_page_is_still_known_by_its_type(site: Website) -> None:
    site.pages = {
        "/sitemap.xml": sitemap(site, "/plan"),
        "/plan": Page("%PDF-1.7", "application/pdf"),
    }
    source = reader(site, "/sitemap.xml")
    first, _ = await read(source)
    stamp = first["wiki/plan"].stamp
    known = {"wiki/plan": DocumentRecord("wiki/plan", "d", stamp=stamp)}

    again, _ = await read(source, known)

    assert again["wiki/plan"].suffix == first["wiki/plan"].suffix == ".pdf"
    assert again["wiki/plan"].stamp == stamp


@pytest.mark.parametrize("address", ["http://[::1", "http://h:99999/", "https:///x"])
async def test_an_address_that_is_none_is_passed_over(
    site: Website, address: str
) -> None:
    named = f"<url><loc>{address}</loc></url><url><loc>{site.url}/a</loc></url>"
    more = f"<sitemap><loc>{address}</loc></sitemap>"
    site.pages = {
        "/sitemap.xml": Page(f"<urlset>{named}{more}</urlset>", XML),
        "/": links(address, "/a"),
        "/a": "<p>A</p>",
    }

    listed, _ = await read(reader(site, "/sitemap.xml"))
    linked, _ = await read(reader(site))

    assert set(listed) == {"wiki/a"}
    assert set(linked) == {"wiki/index", "wiki/a"}


async def test_a_sitemap_of_100_000_pages_has_an_end(site: Website) -> None:
    paths = (f"/{number}" for number in range(100_000))
    site.pages = {"/sitemap.xml": sitemap(site, *paths)}

    items, problems = await read(reader(site, "/sitemap.xml", pages=20))

    assert items == {}
    assert "more than 20 pages" in problems["wiki"]
    assert len(site.pages_asked()) <= 21


async def test_sitemaps_that_name_each_other_have_an_end(site: Website) -> None:
    def index(name: str) -> Page:
        loc = f"<loc>{site.url}/{name}.xml</loc>"
        return Page(f"<sitemapindex><sitemap>{loc}</sitemap></sitemapindex>", XML)

    site.pages = {"/a.xml": index("b"), "/b.xml": index("a")}

    items, _ = await read(reader(site, "/a.xml"))

    assert items == {}
    assert len(site.pages_asked()) <= 100


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(Page(status=401), "needs a login", id="401"),
        pytest.param(Page(status=403), "needs a login", id="403"),
        pytest.param(
            Page(status=302, headers={"Location": "/accounts/login?next=/"}),
            "redirects to one",
            id="redirect",
        ),
        pytest.param(
            Page('<form><input type="password" name="p"></form>'),
            "asks for a password",
            id="form",
        ),
        pytest.param(Page(status=500), "status 500", id="error"),
        pytest.param(Page(seconds=9), "did not come within 1 s", id="slow"),
        pytest.param(Page(stream=2**21), "more than the 1 MB allowed", id="large"),
        pytest.param(
            Page(gzip.compress(bytes(2**22)), headers={"Content-Encoding": "gzip"}),
            "more than the 1 MB allowed",
            id="bomb",
        ),
        pytest.param(
            Page(status=302, headers={"Location": "/page"}),
            "without end",
            id="redirect in a circle",
        ),
    ],
)
async def test_says_why_a_page_cannot_be_read(
    site: Website, page: Page, reason: str
) -> None:
    site.pages = {"/": links("/page"), "/page": page}
    limits = FetchLimits(bytes=2**20, seconds=1, delay=0)

    items, problems = await read(reader(site, fetch=limits))

    assert set(items) == {"wiki/index"}
    assert reason in problems["wiki/page"]


async def test_what_is_only_linked_and_not_for_us_is_no_problem(site: Website) -> None:
    site.pages = {
        "/": links("/picture.png", "/gone"),
        "/picture.png": Page(b"PNG", "image/png"),
    }

    items, problems = await read(reader(site))

    assert set(items) == {"wiki/index"}
    assert problems == {}


async def test_pages_that_are_gone_are_told(site: Website) -> None:
    site.pages = {"/": links("/a", "/gone"), "/a": "<p>A</p>"}
    source = reader(site)
    names = "wiki/index", "wiki/a", "wiki/gone", "wiki/old", "other/page"

    await read(source)

    known = {name: DocumentRecord(name, "d") for name in names}
    known["wiki/by-hand.md"] = DocumentRecord("", "d", source="/srv/wiki/by-hand.md")
    assert source.gone(known) == ["wiki/gone", "wiki/old"]


async def test_nothing_is_gone_while_a_page_with_links_does_not_answer(
    site: Website,
) -> None:
    site.pages = {"/": links("/a"), "/a": Page(status=503)}
    source = reader(site)

    _, problems = await read(source)

    assert source.gone({"wiki/old": DocumentRecord("wiki/old", "d")}) == []
    assert "none is removed this time" in problems["wiki"]


async def test_a_site_that_is_down_is_unavailable(site: Website) -> None:
    site.pages = {"/": Page(status=503)}

    with pytest.raises(SourceUnavailable, match="status 503"):
        await read(reader(site))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "2001:db8::1"),
    ],
)
def test_knows_addresses_that_are_not_for_everybody(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_knows_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


class Names(AbstractResolver):
    """A name server of the test's, that gives its answers one after the other."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = next(self._answers)
        return [
            ResolveResult(
                hostname=host,
                host=answer,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost"]
)
async def test_refuses_addresses_of_this_network(host: str) -> None:
    source = WebSite("wiki", f"http://{host}:1/", STAFF, SiteLimits(5, QUICK))

    with pytest.raises(
        SourceUnavailable, match=r"not a public address; set `allow_private`"
    ):
        await read(source)


@pytest.mark.parametrize("form", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
async def test_no_way_of_writing_an_address_gets_around_that(form: str) -> None:
    source = WebSite("wiki", f"http://{form}:1/", STAFF, SiteLimits(5, QUICK))

    with pytest.raises(SourceUnavailable):
        await read(source)


async def test_refuses_names_that_lead_into_this_network(site: Website) -> None:
    port = site.url.rpartition(":")[2]
    source = WebSite(
        "wiki", f"http://docs.example:{port}/", STAFF, resolver=Names("127.0.0.1")
    )

    with pytest.raises(SourceUnavailable, match=r"docs\.example is at 127\.0\.0\.1"):
        await read(source)

    assert site.requests == []


async def test_connects_to_the_address_that_was_checked() -> None:
    """A name server that answers otherwise the second time is not asked twice."""
    tried: list[object] = []

    class Brake(Names):
        async def resolve(
            self,
            host: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_INET,
        ) -> list[ResolveResult]:
            tried.append(host)
            return await super().resolve(host, port, family)

    names = Brake("8.8.8.8", "127.0.0.1")
    source = WebSite("wiki", "http://docs.example:1/", STAFF, resolver=names)

    # The tests' brake on the network shows where the connection would have gone.
    with pytest.raises(AssertionError, match=r"8\.8\.8\.8"):
        async with asyncio.timeout(5):
            await read(source)

    assert tried == ["docs.example"]


async def test_refuses_a_redirect_into_this_network(site: Website) -> None:
    site.pages = {"/": Page(status=302, headers={"Location": "http://10.0.0.1/"})}
    source = WebSite("wiki", site.url, STAFF, SiteLimits(5, QUICK), allow_private=False)

    with pytest.raises(SourceUnavailable, match="not a public address"):
        await read(source)
