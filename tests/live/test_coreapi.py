"""The published coreapi 2.3.3 client drives every flow by links alone.

It is given one URL, that of the token service, and follows what the documents offer; the only other URLs are the
addresses that those documents, and the home document, name.
"""

from collections.abc import Callable

import coreapi
import pytest
import requests

from stage.kisee import Kisee, password
from stage.pasee import Pasee, claims_of

MANY = 60


def client(token: str | None = None) -> coreapi.Client:
    auth = coreapi.auth.TokenAuthentication(token, scheme="Bearer", domain="127.0.0.1") if token else None
    return coreapi.Client(auth=auth)


def start(of: coreapi.Client, pasee: Pasee, *links: str) -> coreapi.Document:
    """The document at the end of these links, from the root on."""
    document = of.get(f"{pasee.url}/")
    for link in links:
        document = of.action(document, [link])
    assert isinstance(document, coreapi.Document)
    return document


def title_of(refused: Callable[[], object]) -> str:
    """What an error says, as the client reads it."""
    with pytest.raises(coreapi.exceptions.ErrorMessage) as caught:
        refused()
    title = caught.value.error.title
    assert title and "problem" not in title
    return title


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


def test_everything_by_links_alone(pasee: Pasee, kisee: Kisee, staff: coreapi.Client) -> None:
    stranger = client()
    users = start(stranger, pasee, "users")
    new = {"username": "barbara", "password": password("barbara"), "email": "barbara@example.com"}
    stranger.action(users, ["register_user"], params=new)
    offered = start(stranger, pasee, "tokens")
    pair = stranger.action(
        offered, ["identify_via_kisee"], params={"login": "barbara", "password": password("barbara")}
    )
    again = client(pair["refresh_token"]).action(pair, ["refresh"])
    barbara = client(again["access_token"])
    assert barbara.action(again, ["get_user"])["username"] == "kisee-barbara"
    assert list(barbara.action(again, ["get_groups"])["groups"]) == []

    # A group, a member in and out again, and the group away.
    groups = start(staff, pasee, "groups")
    made = staff.action(groups, ["create_group"], params={"group": "shortlived"})
    group = staff.get(made.url)
    staff.action(group, ["add_member"], params={"username": "kisee-barbara"})
    group = staff.get(group.url)
    assert [member["username"] for member in group["members"]] == ["kisee-barbara"]
    staff.action(group, ["members", 0, "delete"])
    group = staff.get(group.url)
    assert list(group["members"]) == []
    staff.action(group, ["delete"])
    assert "does not exist" in title_of(lambda: staff.get(group.url))

    # By a template, for whoever runs the parent but not the group.
    staff.action(groups, ["create_group"], params={"group": "shortlived"})
    staff.action(groups, ["delete_group"], params={"group": "shortlived"})
    assert "does not exist" in title_of(lambda: staff.get(group.url))

    # A user out of every group.
    crowd = staff.get(f"{groups.url}crowd/")
    staff.action(crowd, ["add_member"], params={"username": "kisee-barbara"})
    seen = staff.get(barbara.action(again, ["get_user"]).url)
    assert [group["group"] for group in seen["groups"]] == ["crowd"]
    staff.action(seen, ["delete"])
    assert list(staff.get(seen.url)["groups"]) == []
    assert "delete" not in barbara.action(again, ["get_user"])


def test_a_forgotten_password_by_links_alone(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("margaret")
    stranger = client()
    form = start(stranger, pasee, "password_recoveries")
    assert form.url == f"{pasee.url}/password_recoveries/"
    stranger.action(form, ["reset_password"], params={"email": "margaret@example.com"})
    reset = client(kisee.reset_token("margaret"))
    form = start(reset, pasee, "password_recoveries")
    reset.action(form, ["recover"], params={"password": "fresh"})
    tokens_for = {"login": "margaret", "password": "fresh"}
    offered = start(stranger, pasee, "tokens")
    assert stranger.action(offered, ["identify_via_kisee"], params=tokens_for)["access_token"]

    # Likewise with the old password.
    knows = coreapi.Client(auth=coreapi.auth.BasicAuthentication("margaret", "fresh"))
    form = start(knows, pasee, "password_recoveries")
    knows.action(form, ["recover"], params={"password": "fresher"})
    tokens_for["password"] = "fresher"
    assert stranger.action(offered, ["identify_via_kisee"], params=tokens_for)["access_token"]


def test_refusals_of_kisee_are_read(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("niklaus")
    stranger = client()
    users = start(stranger, pasee, "users")
    taken = {"username": "niklaus", "password": "x", "email": "niklaus@example.com"}
    assert "already exist" in title_of(
        lambda: stranger.action(users, ["register_user"], params=taken)
    )
    no_email = taken | {"username": "grady", "email": "no address"}
    assert "Email" in title_of(lambda: stranger.action(users, ["register_user"], params=no_email))
    decomposed = taken | {"username": "e\u0301va"}
    assert "form C" in title_of(lambda: stranger.action(users, ["register_user"], params=decomposed))
    form = start(stranger, pasee, "password_recoveries")
    assert title_of(lambda: stranger.action(form, ["reset_password"]))


@pytest.mark.parametrize("name", ["a/b", "jos\u00e9", "a b", "x@example.com"])
def test_who_registered_is_where_they_say(pasee: Pasee, staff: coreapi.Client, name: str) -> None:
    body = {"username": name, "password": password(name), "email": "x@example.com"}
    answer = requests.post(f"{pasee.url}/users/", json=body, timeout=30)
    assert answer.status_code == 201
    subject = claims_of(tokens(pasee, name)["access_token"])["sub"]
    assert staff.get(answer.headers["Location"])["username"] == subject == f"kisee-{name}"
