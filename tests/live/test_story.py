"""The whole story: groups run by their own staff, without a central admin."""

import time

from stage.kisee import Kisee
from stage.pasee import SEEN_WITHIN, Pasee, log_in

PEOPLE = ["you", "john", "alan", "ada", "donald"]


def test_a_team_is_built_from_nothing(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register(*PEOPLE)
    done = pasee.run(
        "--settings-file", str(pasee.settings), "--append", "--groups", "staff", "kisee-you"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    time.sleep(SEEN_WITHIN)

    you, john, donald = pasee.person("you"), pasee.person("john"), pasee.person("donald")
    assert you.groups == ["staff"]
    assert john.groups == donald.groups == []

    # Staff makes a group, a group in it, and John its staff.
    created = you.post("/groups/", {"group": "admin"})
    assert created.status_code == 201
    assert created.headers["Location"].endswith("/groups/admin/")
    assert you.create("admin") == 409
    assert you.create("admin.developers") == 201
    assert you.create("nowhere.developers") == 404
    assert you.add("admin.developers.staff", john.id) == 201
    you.log_in()
    assert you.groups == ["admin.developers.staff", "admin.staff", "staff"]

    # John adds the others; John need not be a member.
    john.log_in()
    assert john.groups == ["admin.developers.staff"]
    for name in ("alan", "ada", "donald"):
        assert john.add("admin.developers", f"kisee-{name}") == 201
    assert john.add("admin.developers", "kisee-ada") == 409
    members = john.every("/groups/admin.developers/", "members", "username")
    assert sorted(members) == ["kisee-ada", "kisee-alan", "kisee-donald"]

    # Donald's next token has the group, by refresh as by login.
    assert donald.groups == []
    donald.refresh()
    assert donald.groups == ["admin.developers"]
    donald.log_in()
    assert donald.groups == ["admin.developers"]

    # John cannot touch what stands above, and learns nothing of what is not his.
    for attempt in (
        john.add("admin", "kisee-ada"),
        john.add("admin.staff", john.id),
        john.add("staff", john.id),
        john.create("admin.operators"),
        john.create("other"),
        john.get("/groups/admin/").status_code,
        john.get("/groups/nowhere/").status_code,
        john.delete("/groups/admin/").status_code,
        john.delete("/groups/admin.developers/").status_code,
        donald.add("admin.developers", donald.id),
        donald.get("/groups/admin.developers/").status_code,
    ):
        assert attempt == 403
    assert john.create("admin.developers.rust") == 201, "below their own group staff may create"

    # A member goes; the group with all below it goes, by the staff of its parent.
    assert john.delete("/groups/admin.developers/kisee-donald/").status_code == 204
    assert john.delete("/groups/admin.developers/kisee-donald/").status_code == 404
    donald.refresh()
    assert donald.groups == []
    assert you.delete("/groups/admin.developers/").status_code == 204
    john.log_in()
    assert john.groups == []
    left = set(you.every("/groups/", "groups", "group")) - {"staff"}
    assert left == {"admin", "admin.staff"}


def test_a_banned_user_gets_nothing(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("root2", "mallory")
    pasee.append("staff", "kisee-root2")
    staff, mallory = pasee.person("root2"), pasee.person("mallory")
    url = f"{pasee.url}/users/{mallory.id}"
    banned = staff.session.patch(url, json={"is_banned": True}, timeout=30)
    assert banned.status_code == 204
    assert staff.get(f"/users/{mallory.id}").json()["is_banned"] is True
    assert log_in(pasee, "mallory").status_code == 403
    refresh = {"Authorization": f"Bearer {mallory.refresh_token}"}
    answer = staff.session.post(f"{pasee.url}/tokens/?refresh", headers=refresh, timeout=30)
    assert answer.status_code == 403
    assert staff.session.patch(url, json={"is_banned": False}, timeout=30).status_code == 204
    answer = staff.session.post(f"{pasee.url}/tokens/?refresh", headers=refresh, timeout=30)
    assert answer.status_code == 401, "lifting a ban revives no session"
    assert log_in(pasee, "mallory").status_code == 201
