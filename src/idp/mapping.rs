//! What becomes of what a provider says: who may log in, which claims pass, which groups are added.
//!
//! One place for every protocol. Must not know how a provider was asked.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::ProviderError;
use super::identity::{Authenticated, MappedGroups};
use super::told::{self, find};
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::evidence::{Claimed, Evidence, Fact, Fingerprint};
use crate::domain::membership::Roster;
use crate::domain::token::Scope;
use crate::jose::claims::flat;
use crate::jose::refresh::Room;
use crate::outbound::loggable;
use crate::settings::{self, ClaimSource, GroupRule, PassedClaim, RequiredClaim};

/// How much of what a provider says is compared with how much of what is required, to find a typo.
const MAX_COMPARED: usize = 200;
const MAX_WANTED: usize = 16;
/// How like a name is to another that may be meant. Facts of one place begin alike, with its name.
const NEAR: f64 = 0.95;

/// The settings' mapping of one provider.
#[derive(Debug)]
pub(super) struct MappingRules {
    passed: Vec<PassedClaim>,
    allowed_subjects: Option<HashSet<String>>,
    required: Vec<Named<RequiredClaim>>,
    groups: Vec<Named<GroupRule>>,
    group_lifetime: Duration,
    caseless: &'static [&'static str],
}

/// A rule and its name.
#[derive(Debug)]
struct Named<T> {
    rule: T,
    name: Fingerprint,
}

/// The name of a rule that says this. No part has control characters, so each is told from the next.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut name = [0; Fingerprint::LENGTH];
    name.copy_from_slice(&hash.finalize()[..Fingerprint::LENGTH]);
    Fingerprint(name)
}

impl Named<RequiredClaim> {
    fn required(rule: &RequiredClaim) -> Self {
        let mut any_of: Vec<&str> = rule.any_of.iter().map(Fact::as_str).collect();
        any_of.sort_unstable();
        let name = fingerprint(["required claim"].into_iter().chain(any_of));
        Self { rule: rule.clone(), name }
    }
}

impl Named<GroupRule> {
    fn group(rule: &GroupRule) -> Self {
        let name = fingerprint(["group", rule.fact.as_str(), rule.group.as_str()]);
        Self { rule: rule.clone(), name }
    }
}

/// What is left out of a login because a refresh token holds no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// How many of the group rules that held, and the groups with them.
    pub rules: usize,
    /// By their names in tokens.
    pub claims: Vec<ClaimName>,
}

impl MappingRules {
    /// The rules of a provider whose claims of these names hold no two values that differ in nothing but case.
    pub(super) fn new(settings: &settings::Mapping, caseless: &'static [&'static str]) -> Self {
        let subjects = settings.allowed_subjects.as_ref();
        let subjects = subjects
            .map(|subjects| subjects.iter().map(|subject| subject.as_str().to_owned()).collect());
        Self {
            passed: settings.claims.clone(),
            allowed_subjects: subjects,
            required: settings.required_claims.iter().map(Named::required).collect(),
            groups: settings.groups.iter().map(Named::group).collect(),
            group_lifetime: settings.group_lifetime,
            caseless,
        }
    }

    /// A fact as it is compared with others of its place.
    fn compared(&self, source: &ClaimSource, fact: &Fact) -> String {
        if self.caseless.contains(&source.as_str()) {
            fact.as_str().to_ascii_lowercase()
        } else {
            fact.as_str().to_owned()
        }
    }

    /// Judges a login: the claims that pass, the evidence that decides, and the groups that it adds.
    ///
    /// # Errors
    /// [`ProviderError::NotAllowed`] when the settings do not let this user in.
    pub(super) fn judge(
        &self,
        authenticated: &Authenticated,
    ) -> Result<(ExtraClaims, Evidence, MappedGroups), ProviderError> {
        let claims = &authenticated.claims;
        let required = self.required.iter().filter(|Named { rule, .. }| {
            let wanted: HashSet<String> =
                rule.any_of.iter().map(|fact| self.compared(&rule.source, fact)).collect();
            facts(&rule.source, claims)
                .any(|fact| wanted.contains(&self.compared(&rule.source, &fact)))
        });
        let required = required.map(|required| required.name);
        // Many rules may look at one long list: it is read once.
        let mut places: HashMap<&str, HashSet<String>> = HashMap::new();
        let added = self.groups.iter().filter(|Named { rule, .. }| {
            let all = || facts(&rule.source, claims).map(|fact| self.compared(&rule.source, &fact));
            let place = places.entry(rule.source.as_str());
            place
                .or_insert_with(|| all().collect())
                .contains(&self.compared(&rule.source, &rule.fact))
        });
        let evidence: Evidence = required.chain(added.map(|added| added.name)).collect();
        self.say_what_is_unread(authenticated);
        let mapped = self.recheck(authenticated.subject.as_str(), &evidence);
        let mapped = mapped.inspect_err(|_| self.say_what_is_near(authenticated, &evidence))?;
        let passed = self.passed.iter().filter_map(|PassedClaim { name, source }| {
            Some((name.clone(), flat(find(source, claims)?)?))
        });
        Ok((passed.collect(), evidence, mapped))
    }

    /// Judges again by the settings of today what was proved at a login.
    ///
    /// # Errors
    /// [`ProviderError::NotAllowed`] when they do not let this user in.
    pub(super) fn recheck(
        &self,
        subject: &str,
        evidence: &Evidence,
    ) -> Result<MappedGroups, ProviderError> {
        let is_listed = self.allowed_subjects.as_ref().is_none_or(|all| all.contains(subject));
        let is_unmet = |required: &&Named<RequiredClaim>| !evidence.holds(required.name);
        let unmet = self.required.iter().find(is_unmet).map(|unmet| unmet.rule.source.as_str());
        if is_listed && unmet.is_none() {
            return Ok(self.mapped(evidence));
        }
        let rule = if is_listed { "required_claims" } else { "allowed_subjects" };
        let (subject, claim) = (loggable(subject), unmet.filter(|_| is_listed));
        tracing::info!(%subject, rule, claim, "the settings do not let this user in");
        Err(ProviderError::NotAllowed)
    }

    /// Says what of the provider's words is nearest to what lets nobody in without: a name with a typo in the settings keeps all out.
    fn say_what_is_near(&self, authenticated: &Authenticated, evidence: &Evidence) {
        let unmet = self.required.iter().filter(|required| !evidence.holds(required.name));
        for Named { rule, .. } in unmet {
            let said = facts(&rule.source, &authenticated.claims).take(MAX_COMPARED);
            let near = said.filter_map(|fact| {
                let wanted = rule.any_of.iter().take(MAX_WANTED);
                let likeness = |wanted: &Fact| strsim::jaro_winkler(wanted.as_str(), fact.as_str());
                let best = wanted.map(likeness).fold(0.0, f64::max);
                (best > NEAR).then_some((best, fact))
            });
            if let Some((_, nearest)) = near.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
                let nearest = loggable(nearest.as_str());
                tracing::info!(
                    claim = rule.source.as_str(),
                    %nearest,
                    "this is near to what required_claims asks for, and not the same"
                );
            }
        }
    }

    /// Says of each place that rules are about why they find nothing there, once.
    fn say_what_is_unread(&self, authenticated: &Authenticated) {
        let required = self.required.iter().map(|Named { rule, .. }| &rule.source);
        let groups = self.groups.iter().map(|Named { rule, .. }| &rule.source);
        let mut said: HashSet<&str> = HashSet::new();
        for source in required.chain(groups).filter(|source| said.insert(source.as_str())) {
            if let Some(unread) = told::unread(source, &authenticated.claims) {
                told::say(&authenticated.subject, source, &unread);
            }
        }
    }

    /// Whether every claim that is required was said.
    fn lets_in(&self, evidence: &Evidence) -> bool {
        self.required.iter().all(|required| evidence.holds(required.name))
    }

    fn mapped(&self, evidence: &Evidence) -> MappedGroups {
        let added = self.groups.iter().filter(|added| evidence.holds(added.name));
        let groups = added.map(|added| added.rule.group.clone()).collect();
        MappedGroups { groups, lifetime: self.group_lifetime }
    }

    /// Whether a claim of this name passes by the settings of today.
    pub(super) fn passes(&self, name: &ClaimName) -> bool {
        self.passed.iter().any(|passed| passed.name == *name)
    }

    /// A claim that passes, by its name in tokens, of what a provider says.
    pub(super) fn passed(&self, name: &str, claims: &Map<String, Value>) -> Option<ClaimValue> {
        let passed = self.passed.iter().find(|passed| passed.name.as_str() == name)?;
        flat(find(&passed.source, claims)?)
    }

    /// Leaves out what a refresh token of this scope has no room for, so that a session has from its beginning what it goes
    /// on with: first the rules whose groups the scope does not reach, which it never will; then of the group rules the last
    /// of the settings, and of the claims the longest. `None` when there is not even room for what lets the user in, without
    /// which the next refresh would be refused.
    pub(super) fn fit(
        &self,
        claims: &mut ExtraClaims,
        evidence: &mut Evidence,
        scope: &Scope,
        room: Room,
    ) -> Option<(MappedGroups, LeftOut)> {
        let is_reached =
            |added: &&Named<GroupRule>| scope.covers(&Roster::Members(added.rule.group.clone()));
        let reached = self.groups.iter().filter(is_reached);
        let names = self.required.iter().map(|required| required.name);
        let names = names.chain(reached.map(|added| added.name));
        let held: Vec<Fingerprint> = names.filter(|name| evidence.holds(*name)).collect();
        *evidence = held.iter().copied().take(room.rules()).collect();
        if !self.lets_in(evidence) {
            return None;
        }
        let kept = evidence.rules().len();
        let rules = held.len().saturating_sub(room.rules());
        let left_out = LeftOut { rules, claims: claims.shorten(room.claims_beside(kept)) };
        Some((self.mapped(evidence), left_out))
    }
}

/// A member of a list that a rule can be about: a name, or the number of a group.
fn member(item: &Value) -> Option<Claimed<'_>> {
    item.as_str().map(Claimed::Text).or_else(|| item.as_i64().map(Claimed::Integer))
}

/// What a provider says at a place, as facts; nothing that is out of bounds.
fn facts<'a>(
    source: &'a ClaimSource,
    claims: &'a Map<String, Value>,
) -> impl Iterator<Item = Fact> + 'a {
    let found = match find(source, claims) {
        Some(Value::Bool(value)) => vec![Claimed::Bool(*value)],
        Some(Value::Number(number)) => number.as_i64().map(Claimed::Integer).into_iter().collect(),
        Some(Value::String(text)) => vec![Claimed::Text(text)],
        // A long list is looked through to its end: what decides may stand last.
        Some(Value::Array(items)) => items.iter().filter_map(member).collect(),
        Some(Value::Null | Value::Object(_)) | None => Vec::new(),
    };
    found.into_iter().filter_map(|value| Fact::new(source.as_str(), value).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::auth_time::AuthTime;
    use crate::domain::claim::ClaimName;
    use crate::domain::user::UserId;
    use crate::jose::refresh::RefreshTokens;
    use crate::jose::secret::Secret;

    fn source(text: &str) -> ClaimSource {
        ClaimSource(text.to_owned())
    }

    fn fact(place: &str, value: Claimed<'_>) -> Fact {
        Fact::new(place, value).unwrap()
    }

    fn mapping() -> MappingRules {
        let rule = |place: &str, value: &str, group: &str| GroupRule {
            source: source(place),
            fact: fact(place, Claimed::Text(value)),
            group: group.parse().unwrap(),
        };
        MappingRules::new(
            &settings::Mapping {
                claims: vec![
                    PassedClaim::from("email".parse::<ClaimName>().unwrap()),
                    PassedClaim { name: "nick".parse().unwrap(), source: source("/profile/name") },
                ],
                allowed_subjects: Some(vec!["1".parse().unwrap(), "2".parse().unwrap()]),
                required_claims: vec![RequiredClaim {
                    source: source("email_verified"),
                    any_of: vec![fact("email_verified", Claimed::Bool(true))],
                }],
                groups: vec![
                    rule("teams", "org/writers", "articles"),
                    rule("/a/b~1c", "x", "comments"),
                ],
                group_lifetime: Duration::from_secs(60),
            },
            &[],
        )
    }

    fn judge(subject: &str, claims: Value) -> Result<(Vec<String>, Vec<String>), ProviderError> {
        let Value::Object(claims) = claims else { panic!("an object") };
        let mapping = mapping();
        let (claims, evidence, mapped) = mapping.judge(&Authenticated {
            subject: subject.parse().unwrap(),
            claims,
            auth_time: AuthTime::AtLogin,
        })?;
        let MappedGroups { groups, .. } = mapped;
        assert_eq!(mapping.recheck(subject, &evidence).unwrap().groups, groups);
        let names = claims.iter().map(|(name, _)| name.to_string()).collect();
        Ok((names, groups.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn only_what_the_settings_name() {
        let claims = json!({
            "email": "a@example.com", "email_verified": true, "profile": {"name": "ada"}, "groups": ["admin"],
            "teams": ["a", "org/writers"], "a": {"b/c": "x"}, "iss": "evil",
        });
        let (passed, groups) = judge("1", claims.clone()).unwrap();
        assert_eq!(passed, ["email", "nick"]);
        assert_eq!(groups, ["articles", "comments"]);
        assert_eq!(judge("3", claims).unwrap_err(), ProviderError::NotAllowed);
    }

    /// Groups may be numbers, and a number is another than the text that looks like it.
    #[test]
    fn numbers_of_groups() {
        let rule = |value: Claimed<'_>, group: &str| GroupRule {
            source: source("groups"),
            fact: fact("groups", value),
            group: group.parse().unwrap(),
        };
        let mapping = MappingRules::new(
            &settings::Mapping {
                groups: vec![
                    rule(Claimed::Integer(42), "number"),
                    rule(Claimed::Text("42"), "text"),
                ],
                ..settings::Mapping::default()
            },
            &[],
        );
        for (groups, expected) in [
            (json!([7, 42]), &["number"][..]),
            (json!(["42"]), &["text"]),
            (json!(["42", 42, {"id": 42}]), &["number", "text"]),
            (json!([42.0, [42], {"id": "42"}, null]), &[]),
            (json!("7,42"), &[]),
        ] {
            let Value::Object(claims) = json!({ "groups": groups }) else { panic!("an object") };
            let authenticated = Authenticated {
                subject: "1".parse().unwrap(),
                claims,
                auth_time: AuthTime::AtLogin,
            };
            let (_, _, mapped) = mapping.judge(&authenticated).unwrap();
            let found: Vec<&str> = mapped.groups.iter().map(|group| group.as_str()).collect();
            assert_eq!(found, expected, "{groups}");
        }
    }

    /// Nothing that only looks like the required claim lets anybody in.
    #[test]
    fn near_misses() {
        for value in [
            json!("true"),
            json!(1),
            json!(null),
            json!([true]),
            json!(["true"]),
            json!({"true": true}),
            json!(false),
            json!("TRUE"),
            json!("true\u{0}"),
        ] {
            let answer = judge("1", json!({ "email_verified": value }));
            assert_eq!(answer.unwrap_err(), ProviderError::NotAllowed, "{value}");
        }
        for claims in
            [json!({}), json!({"Email_Verified": true}), json!({"email": {"email_verified": true}})]
        {
            assert_eq!(judge("1", claims).unwrap_err(), ProviderError::NotAllowed);
        }
        let near = json!({
            "email_verified": true, "teams": ["org/Writers", "org/writers ", ["org/writers"], "\"org/writers\""],
            "a/b~1c": "x",
        });
        assert_eq!(judge("1", near).unwrap().1, Vec::<String>::new());
    }

    /// What the settings ask for today counts, not what they asked for at the login.
    #[test]
    fn the_settings_of_today() {
        let mapping = mapping();
        let names = mapping.required.iter().map(|required| required.name);
        let names: Vec<Fingerprint> =
            names.chain(mapping.groups.iter().map(|added| added.name)).collect();
        let [verified, team, _] = names[..] else { panic!("three rules") };
        let recheck = |subject, rules: &[Fingerprint]| {
            mapping.recheck(subject, &rules.iter().copied().collect())
        };
        assert!(recheck("1", &[]).is_err());
        assert!(recheck("1", &[team]).is_err());
        assert!(recheck("9", &[verified]).is_err());
        assert!(recheck("1", &[verified]).unwrap().groups.is_empty());
        assert_eq!(recheck("1", &[verified, team]).unwrap().groups.len(), 1);
    }

    /// Whoever is let in is let in at the refresh too, or not at all: what they are let in by is never left out.
    #[test]
    fn what_lets_in_is_never_left_out() {
        let mapping = mapping();
        let user: UserId = "oidc-1".parse().unwrap();
        let tokens = RefreshTokens::new("pasee.test".parse().unwrap(), &Secret::new([1; 32]), &[]);
        let (mut fitting, mut refused) = (0, 0);
        for length in 1..=200 {
            let names: Vec<String> =
                ["b", "c", "d", "e", "f", "g"].map(|name| name.repeat(175)).into();
            let scope = format!("{} {}", names.join(" "), "a".repeat(length));
            let scope = Scope::asked(&scope).unwrap();
            let Ok(room) = tokens.room(&user, &scope, None) else { break };
            let claims = json!({"email_verified": true, "teams": ["org/writers"]});
            let Value::Object(claims) = claims else { panic!("an object") };
            let authenticated = Authenticated {
                subject: "1".parse().unwrap(),
                claims,
                auth_time: AuthTime::AtLogin,
            };
            let (mut claims, mut evidence, _) = mapping.judge(&authenticated).unwrap();
            match mapping.fit(&mut claims, &mut evidence, &scope, room) {
                Some(_) => {
                    fitting += 1;
                    assert!(mapping.recheck("1", &evidence).is_ok(), "{length}");
                }
                None => refused += 1,
            }
        }
        assert!(fitting > 0 && refused > 0, "{fitting} {refused}");
    }

    /// A rule that says anything else has another name; the order of what may be said is no difference.
    #[test]
    fn a_changed_rule_is_another_rule() {
        let group = |place: &str, value: &str, group: &str| {
            let fact = fact(place, Claimed::Text(value));
            let group = group.parse().unwrap();
            Named::group(&GroupRule { source: source(place), fact, group }).name
        };
        let required = |values: &[&str]| {
            let any_of = values.iter().map(|value| fact("teams", Claimed::Text(value))).collect();
            Named::required(&RequiredClaim { source: source("teams"), any_of }).name
        };
        let names = [
            group("teams", "a", "articles"),
            group("teams", "b", "articles"),
            group("tags", "a", "articles"),
            group("teams", "a", "comments"),
            required(&["a"]),
            required(&["b"]),
            required(&["a", "b"]),
        ];
        assert_eq!(HashSet::from(names).len(), names.len());
        assert_eq!(required(&["a", "b"]), required(&["b", "a"]));
        // It is written into tokens: it may not change from one version to the next.
        assert_eq!(group("teams", "a", "articles").0, [88, 2, 16, 219, 114, 111, 149, 227]);
    }
}
