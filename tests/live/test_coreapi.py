"""The published coreapi 2.3.3 client drives every flow by links alone.

It is given one URL, that of the token service, and follows what the documents offer; the only other URLs are the
addresses that those documents, and the home document, name.
"""

import coreapi
import pytest
import requests

from stage.kisee import Kisee, password
from stage.pasee import Pasee, claims_of

MANY = 60


def client(token: str | None = None) -> coreapi.Client:
    auth = coreapi.auth.TokenAuthentication(token, scheme="Bearer", domain="127.0.0.1") if token else None
    return coreapi.Client(auth=auth)


def place(pasee: Pasee, resource: str) -> str:
    """Where the home document says that a resource is."""
    home = requests.get(pasee.url, headers={"Accept": "application/json-home"}, timeout=30)
    assert home.headers["Content-Type"].startswith("application/json-home")
    return requests.compat.urljoin(home.url, home.json()["resources"][resource]["href"])


def tokens(pasee: Pasee, name: str) -> coreapi.Document:
    """Logs in as the client of a stranger would."""
    anonymous = client()
    offered = anonymous.get(place(pasee, "tokens"))
    link = offered["identify_via_kisee"]
    assert isinstance(link, coreapi.Link)
    assert {"login", "password"} <= {field.name for field in link.fields if field.required}
    credentials = {"login": name, "password": password(name)}
    return anonymous.action(offered, ["identify_via_kisee"], params=credentials)


def pages(of: coreapi.Client, first: coreapi.Document, key: str, name: str) -> list[list[str]]:
    """The names on each page, following `next`."""
    found, page = [], first
    while True:
        assert isinstance(page, coreapi.Document)
        found.append([item[name] for item in page[key]])
        if "next" not in page:
            return found
        page = of.action(page, ["next"])


@pytest.fixture(scope="module")
def staff(pasee: Pasee, kisee: Kisee) -> coreapi.Client:
    """Root staff, who have put enough people into enough groups to fill several pages."""
    kisee.register("ada", "alan", "donald")
    pasee.append("staff", "kisee-ada")
    of_ada = client(tokens(pasee, "ada")["access_token"])
    groups = of_ada.get(place(pasee, "groups"))
    of_ada.action(groups, ["create_group"], params={"group": "crowd"})
    crowd = of_ada.get(f"{place(pasee, 'groups')}crowd/")
    for number in range(MANY):
        of_ada.action(crowd, ["add_member"], params={"username": f"kisee-user{number:02}"})
        of_ada.action(groups, ["create_group"], params={"group": f"crowd.g{number:02}"})
    return of_ada


def test_a_login_and_a_refresh(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("grace")
    pair = tokens(pasee, "grace")
    assert claims_of(pair["access_token"])["sub"] == "kisee-grace"
    refreshing = client(pair["refresh_token"])
    again = refreshing.action(refreshing.get(place(pasee, "tokens")), ["refresh"])
    assert claims_of(again["access_token"])["sub"] == "kisee-grace"
    assert again["access_token"] != pair["access_token"]
    with pytest.raises(coreapi.exceptions.ErrorMessage):
        wrong = client(pair["access_token"])
        wrong.action(wrong.get(place(pasee, "tokens")), ["refresh"])


def test_somebody_registers(pasee: Pasee, kisee: Kisee) -> None:
    stranger = client()
    users = stranger.get(place(pasee, "users"))
    assert list(users["users"]) == []
    new = {"username": "edsger", "password": password("edsger"), "email": "edsger@example.com"}
    stranger.action(users, ["register_user"], params=new)
    assert tokens(pasee, "edsger")["access_token"]
    with pytest.raises(coreapi.exceptions.ErrorMessage):
        stranger.action(users, ["register_user"], params=new)


def test_a_group_is_created_and_gets_a_member(
    pasee: Pasee, kisee: Kisee, staff: coreapi.Client
) -> None:
    groups = staff.get(place(pasee, "groups"))
    staff.action(groups, ["create_group"], params={"group": "articles"})
    groups = staff.get(groups.url)
    listed = next(group for group in groups["groups"] if group["group"] == "articles")
    articles = staff.get(listed.url)
    assert list(articles["members"]) == []
    staff.action(articles, ["add_member"], params={"username": "kisee-alan"})
    articles = staff.get(listed.url)
    assert [member["username"] for member in articles["members"]] == ["kisee-alan"]
    assert claims_of(tokens(pasee, "alan")["access_token"])["groups"] == ["articles"]
    for link, params in (
        ("add_member", {"username": "kisee-alan"}),
        ("add_member", {"username": "no provider"}),
    ):
        with pytest.raises(coreapi.exceptions.ErrorMessage) as caught:
            staff.action(articles, [link], params=params)
        assert caught.value.error.title


def test_all_groups_come_in_pages(pasee: Pasee, staff: coreapi.Client) -> None:
    found = pages(staff, staff.get(place(pasee, "groups")), "groups", "group")
    assert {len(page) for page in found[:-1]} == {20}
    assert len(found[-1]) <= 20
    names = [name for page in found for name in page]
    assert len(names) == len(set(names))
    expected = {f"crowd.g{number:02}{kind}" for number in range(MANY) for kind in ("", ".staff")}
    assert expected | {"crowd", "crowd.staff"} <= set(names)


def test_all_users_come_in_pages(pasee: Pasee, staff: coreapi.Client) -> None:
    found = pages(staff, staff.get(place(pasee, "users")), "users", "username")
    assert {len(page) for page in found[:-1]} == {50}
    names = [name for page in found for name in page]
    assert len(names) == len(set(names))
    assert {f"kisee-user{number:02}" for number in range(MANY)} | {"kisee-ada"} <= set(names)


def test_one_user_s_groups_are_found(pasee: Pasee, staff: coreapi.Client) -> None:
    groups = staff.get(place(pasee, "groups"))
    of_user = staff.action(groups, ["get_groups_of_user"], params={"user": "kisee-user07"})
    assert [group["group"] for group in of_user["groups"]] == ["crowd"]


def test_others_see_their_own_groups_only(
    pasee: Pasee, kisee: Kisee, staff: coreapi.Client
) -> None:
    crowd = staff.get(f"{place(pasee, 'groups')}crowd/")
    staff.action(crowd, ["add_member"], params={"username": "kisee-donald"})
    donald = client(tokens(pasee, "donald")["access_token"])
    groups = donald.get(place(pasee, "groups"))
    assert pages(donald, groups, "groups", "group") == [["crowd"]]
    with pytest.raises(coreapi.exceptions.ErrorMessage):
        donald.action(groups, ["create_group"], params={"group": "mine"})
    me = donald.get(f"{place(pasee, 'users')}kisee-donald")
    assert me["username"] == "kisee-donald"
    assert me["is_banned"] is False
    assert [group["group"] for group in me["groups"]] == ["crowd"]
