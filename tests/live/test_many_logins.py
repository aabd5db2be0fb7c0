"""Many logins, one after the other and at once: not one is refused."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import aiohttp

from stage.kisee import Kisee, password
from stage.pasee import Pasee, claims_of

LOGINS = 10_000
AT_ONCE = 16
NAMES = [f"user{number}" for number in range(100)]


async def log_in_often(
    url: str, count: int, keep: Callable[[int, str, dict[str, object]], None]
) -> float:
    """Logs the users in by turns, `AT_ONCE` at a time; returns how long it took, in seconds."""
    turns = iter(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        for turn in turns:
            name = NAMES[turn % len(NAMES)]
            body = {"login": name, "password": password(name)}
            async with session.post(url, json=body) as answer:
                keep(answer.status, name, await answer.json(content_type=None))

    started = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))
    return time.monotonic() - started


def test_ten_thousand_logins_through_a_live_kisee(
    pasee: Pasee, kisee: Kisee, report: Callable[[str], None]
) -> None:
    """Each of the 10,000 is a login of its own at Kisee, whose demo backend compares passwords without
    a costly hash: one Kisee process answers several hundred a second, so no shortcut is needed."""
    kisee.register(*NAMES)
    statuses: Counter[int] = Counter()
    alone = asyncio.run(
        log_in_often(f"{kisee.url}/jwt/", 500, lambda status, *_: statuses.update([status]))
    )
    assert statuses == {201: 500}
    report(f"logins at Kisee alone: {500 / alone:,.0f} a second")

    statuses.clear()
    identifiers: set[object] = set()

    def keep(status: int, name: str, document: dict[str, object]) -> None:
        statuses[status] += 1
        for kind in ("access_token", "refresh_token"):
            claims = claims_of(str(document[kind])) if status == 201 else {}
            assert claims.get("sub") == f"kisee-{name}", (status, document)
            identifiers.add(claims["jti"])

    took = asyncio.run(log_in_often(f"{pasee.url}/tokens/?idp=kisee", LOGINS, keep))
    report(f"logins through Pasee: {LOGINS:,} in {took:.0f} s, {LOGINS / took:,.0f} a second, {AT_ONCE} at once")
    assert statuses == {201: LOGINS}, "logins were refused"
    assert len(identifiers) == 2 * LOGINS, "a jti came twice"
