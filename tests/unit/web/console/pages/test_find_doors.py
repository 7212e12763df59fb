"""Find a door: at all sites that somebody may see, and at no other."""

import pytest

from engage_server.records import DeviceLabel, Host, Role
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of


@pytest.fixture
def doors(world: World) -> None:
    """Two sites with a door of the same name, and one with another."""
    for number, site in enumerate(("main", "north", "south"), 1):
        if site != "main":
            world.add_site(site, (Host(f"{site}.example.org"),))
        name = "Roof" if site == "south" else "North entrance"
        world.sites.add_device(serial_of(number), site, world.occasion, DeviceLabel(name, f"Building {number}"))
    world.see(world.finished(1, 1, NOW))


@pytest.mark.parametrize(
    ("search", "found"),
    [("entrance", [1, 2]), ("building 3", [3]), (serial_of(2), [2]), (serial_of(3)[:-2].lower(), [1, 2, 3])],
)
def test_a_name_a_place_or_a_number_is_found_at_all_sites(
    doors: None, console: Console, search: str, found: list[int]
) -> None:
    page = console.person("ann", Role.VIEWER).page(f"/doors?search={search}")
    assert page.tree.xpath("//main//small[@class='serial']/text()") == [serial_of(number) for number in found]
    sites = {1: "main", 2: "north", 3: "south"}
    for number in found:
        assert f"/sites/{sites[number]}/doors/{serial_of(number)}" in page.links()
    assert page.tree.xpath("//input[@name='search']/@value") == [search]


def test_a_door_of_others_is_not_found(doors: None, console: Console) -> None:
    """Neither its name nor its site is shown. At a site of their own it is: the control."""
    page = console.person("vic", Role.VIEWER, ("south",)).page("/doors?search=entrance")
    assert "No door that you may see" in page.text
    assert "North entrance" not in page.text
    assert "/sites/north" not in page.links()
    assert "Roof" in console.person("eve", Role.VIEWER, ("south",)).page("/doors?search=roof").text


def test_tonight_has_the_field_and_nothing_is_found_without_a_word(doors: None, console: Console) -> None:
    browser = console.person("ann", Role.VIEWER)
    assert browser.page("/").tree.xpath("//form[@action='/doors']//input[@name='search']")
    page = browser.page("/doors")
    assert not page.tree.xpath("//main//table")
    assert "All sites that you may see are searched." in page.text


def test_many_doors_lead_to_the_list_of_their_site_and_to_further_pages(
    doors: None, world: World, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each site that has one is on one of the pages."""
    for number in range(10, 14):
        world.sites.add_device(serial_of(number), "north", world.occasion, DeviceLabel("Entrance"))
    monkeypatch.setattr("engage_server.web.console.pages.find_doors._OF_A_SITE", 2)
    monkeypatch.setattr("engage_server.web.console.pages.find_doors._ROWS", 3)
    browser = console.person("ann", Role.VIEWER)
    page = browser.page("/doors?search=entrance")
    assert page.tree.xpath("//main//h2//text()") == ["main", "north"]
    assert "/sites/north/doors?search=entrance" in page.links()
    following = browser.page(page.tree.xpath("string(//main//a[@rel='next']/@href)"))
    assert "No door that you may see" in following.text
    monkeypatch.setattr("engage_server.web.console.pages.find_doors._SITES", 1)
    page = browser.page("/doors?search=roof")
    assert "None at the sites that were looked at so far" in page.text
    while following_link := page.tree.xpath("string(//main//a[@rel='next']/@href)"):
        page = browser.page(following_link)
    assert "Roof" in page.text
