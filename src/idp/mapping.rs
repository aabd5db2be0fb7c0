//! What becomes of what a provider says: who may log in, which claims pass, which groups are added.
//!
//! One place for every protocol. Must not know how a provider was asked.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};

use super::error::ProviderError;
use super::identity::{Authenticated, MappedGroups};
use crate::domain::claim::ExtraClaims;
use crate::domain::evidence::{Evidence, Fact, MAX_FACTS, Said};
use crate::jose::claims::flat;
use crate::settings::{self, ClaimSource, GroupRule, PassedClaim, RequiredClaim};

/// The settings' mapping of one provider.
#[derive(Debug)]
pub struct MappingRules {
    passed: Vec<PassedClaim>,
    allowed_subjects: Option<HashSet<String>>,
    required: Vec<RequiredClaim>,
    groups: Vec<GroupRule>,
    group_lifetime: Duration,
}

impl MappingRules {
    pub(super) fn new(settings: &settings::Mapping) -> Self {
        let subjects = settings.allowed_subjects.as_ref();
        let subjects = subjects
            .map(|subjects| subjects.iter().map(|subject| subject.as_str().to_owned()).collect());
        Self {
            passed: settings.claims.clone(),
            allowed_subjects: subjects,
            required: settings.required_claims.clone(),
            groups: settings.groups.clone(),
            group_lifetime: settings.group_lifetime,
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
        let required = self.required.iter().map(|required| {
            facts(&required.source, claims).find(|fact| required.any_of.contains(fact))
        });
        let required: Option<Vec<Fact>> = required.collect();
        let required = required.ok_or(ProviderError::NotAllowed)?;
        // Many rules may look at one long list: it is read once.
        let mut places: HashMap<&str, HashSet<Fact>> = HashMap::new();
        let added = self.groups.iter().filter(|GroupRule { source, fact, .. }| {
            let place = places.entry(source.as_str());
            place.or_insert_with(|| facts(source, claims).collect()).contains(fact)
        });
        let added = added.map(|rule| rule.fact.clone());
        let evidence: Evidence = required.into_iter().chain(added).take(MAX_FACTS).collect();
        let mapped = self.recheck(authenticated.subject.as_str(), &evidence)?;
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
        let is_proved =
            |required: &RequiredClaim| required.any_of.iter().any(|fact| evidence.holds(fact));
        if !is_listed || !self.required.iter().all(is_proved) {
            return Err(ProviderError::NotAllowed);
        }
        let added = self.groups.iter().filter(|rule| evidence.holds(&rule.fact));
        let groups = added.map(|rule| rule.group.clone()).collect();
        Ok(MappedGroups { groups, lifetime: self.group_lifetime })
    }
}

/// What stands at a place: the claim of exactly that name, else what a JSON pointer leads to.
pub(super) fn find<'a>(source: &ClaimSource, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    if let Some(value) = claims.get(source.as_str()) {
        return Some(value);
    }
    let path = source.as_str().strip_prefix('/')?;
    let (first, rest) = path.find('/').map_or((path, ""), |end| path.split_at(end));
    claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
}

/// What a provider says at a place, as facts; nothing that is out of bounds.
fn facts<'a>(
    source: &'a ClaimSource,
    claims: &'a Map<String, Value>,
) -> impl Iterator<Item = Fact> + 'a {
    let found = match find(source, claims) {
        Some(Value::Bool(value)) => vec![Said::Bool(*value)],
        Some(Value::Number(number)) => number.as_i64().map(Said::Integer).into_iter().collect(),
        Some(Value::String(text)) => vec![Said::Text(text)],
        // A long list is looked through to its end: what decides may stand last.
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(Said::Text).collect()
        }
        Some(Value::Null | Value::Object(_)) | None => Vec::new(),
    };
    found.into_iter().filter_map(|value| Fact::new(source.as_str(), value).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::claim::ClaimName;

    fn source(text: &str) -> ClaimSource {
        ClaimSource(text.to_owned())
    }

    fn fact(place: &str, value: Said<'_>) -> Fact {
        Fact::new(place, value).unwrap()
    }

    fn mapping() -> MappingRules {
        let rule = |place: &str, value: &str, group: &str| GroupRule {
            source: source(place),
            fact: fact(place, Said::Text(value)),
            group: group.parse().unwrap(),
        };
        MappingRules::new(&settings::Mapping {
            claims: vec![
                PassedClaim::from("email".parse::<ClaimName>().unwrap()),
                PassedClaim { name: "nick".parse().unwrap(), source: source("/profile/name") },
            ],
            allowed_subjects: Some(vec!["1".parse().unwrap(), "2".parse().unwrap()]),
            required_claims: vec![RequiredClaim {
                source: source("email_verified"),
                any_of: vec![fact("email_verified", Said::Bool(true))],
            }],
            groups: vec![
                rule("teams", "org/writers", "articles"),
                rule("/a/b~1c", "x", "comments"),
            ],
            group_lifetime: Duration::from_secs(60),
        })
    }

    fn judge(subject: &str, claims: Value) -> Result<(Vec<String>, Vec<String>), ProviderError> {
        let Value::Object(claims) = claims else { panic!("an object") };
        let mapping = mapping();
        let (claims, evidence, mapped) =
            mapping.judge(&Authenticated { subject: subject.parse().unwrap(), claims })?;
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
        let facts = |facts: &[Fact]| facts.iter().cloned().collect::<Evidence>();
        let verified = fact("email_verified", Said::Bool(true));
        let team = fact("teams", Said::Text("org/writers"));
        let recheck = |subject, evidence: &[Fact]| mapping.recheck(subject, &facts(evidence));
        assert!(recheck("1", &[]).is_err());
        assert!(recheck("9", std::slice::from_ref(&verified)).is_err());
        assert!(recheck("1", std::slice::from_ref(&verified)).unwrap().groups.is_empty());
        assert_eq!(recheck("1", &[verified, team]).unwrap().groups.len(), 1);
    }
}
