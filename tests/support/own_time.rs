//! Who is staff for a time, and tries over HTTP to stay it longer.
//!
//! Must not know which store there is.

use serde_json::{Value, json};

use super::pasee::{Answer, Pasee, now};

/// A moment so many seconds from now, as RFC 3339 writes it.
fn in_seconds(seconds: i64) -> String {
    jiff::Timestamp::from_second(now() + seconds).unwrap().to_string()
}

/// Somebody of some provider, with a token that has just been given out.
struct Person<'a> {
    pasee: &'a Pasee,
    id: &'a str,
}

impl Person<'_> {
    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.pasee.forge(&self.pasee.access_claims(self.id));
        let ask = self.pasee.ask(method, path).bearer(&token);
        if body.is_null() { ask.send().await } else { ask.json(&body).await }
    }

    async fn add(&self, roster: &str, user: &str, end: Value) -> Answer {
        let mut body = json!({ "username": user });
        if !end.is_null() {
            body["expires_at"] = end;
        }
        self.ask("POST", &format!("/groups/{roster}/"), body).await
    }

    async fn end(&self, roster: &str, user: &str, end: Value) -> Answer {
        let body = json!({ "expires_at": end });
        self.ask("PATCH", &format!("/groups/{roster}/{user}/"), body).await
    }
}

/// Nobody on a staff for a time gives themselves more of it: neither once more nor a later end, on a group's staff or the root
/// staff, again or after they have left. `root` is root staff for good.
pub async fn nobody_prolongs_their_own(pasee: &Pasee, root: &str) {
    let (root, brief) = (Person { pasee, id: root }, Person { pasee, id: "local-brief" });
    let me = brief.id;
    root.ask("POST", "/groups/", json!({ "group": "timed" })).await.is(201);
    let (soon, end, late) = (in_seconds(1800), in_seconds(3600), in_seconds(7200));
    let refused = |answer: Answer| {
        let title = answer.is(403).title();
        assert!(title.contains("you are on this staff for a time"), "{title}");
    };
    for staff in ["timed.staff", "staff"] {
        let shown = async || {
            let answer = root.ask("GET", &format!("/groups/{staff}/"), Value::Null).await;
            let members = answer.is(200).json()["members"].as_array().unwrap().clone();
            let own = members.into_iter().find(|member| member["username"] == me);
            own.map(|member| member["expires_at"].clone())
        };
        root.add(staff, me, json!(end)).await.is(201);
        for new in [Value::Null, json!(soon), json!(end), json!(late)] {
            refused(brief.add(staff, me, new).await);
        }
        for new in [Value::Null, json!(late), json!("9999-12-30T00:00:00Z")] {
            refused(brief.end(staff, me, new).await);
        }
        assert_eq!(shown().await, Some(json!(end)), "{staff}");
        // Less is theirs to say, and does not come back.
        brief.end(staff, me, json!(soon)).await.is(204);
        refused(brief.end(staff, me, json!(end)).await);
        assert_eq!(shown().await, Some(json!(soon)), "{staff}");
        // Others are added as ever; and once they are off, they are.
        brief.add(staff, "local-other", Value::Null).await.is(201);
        brief.ask("DELETE", &format!("/groups/{staff}/{me}/"), Value::Null).await.is(204);
        brief.add(staff, me, Value::Null).await.is(403);
        assert_eq!(shown().await, None, "{staff}");
    }
    // A member's time is the staff's to give, their own too; and what root staff does for themselves is no way around it.
    root.add("timed.staff", me, json!(end)).await.is(201);
    brief.add("timed", me, json!(soon)).await.is(201);
    brief.end("timed", me, Value::Null).await.is(204);
    refused(brief.end("timed.staff", me, Value::Null).await);
    root.end("timed.staff", me, json!(late)).await.is(204);
    root.end("timed.staff", me, Value::Null).await.is(204);
}
