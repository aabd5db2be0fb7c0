//! What of a program's groups and people can be said in a realm, under which names; and what cannot, each with the reason.
//!
//! Must not know which program it is, nor what manifests look like.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::found::{Found, FoundGroup, FoundUser, Meant};
use super::names::{NameError, Names, Said};
use crate::domain::description::Description;
use crate::domain::group::GroupName;
use crate::domain::membership::{Role, Roster};
use crate::domain::renaming::quoted;
use crate::domain::user::UserId;

/// Most names that one line lists.
const LISTED: usize = 20;

/// What a realm is to hold.
#[derive(Debug, Default)]
pub struct Placed {
    /// What it was read from, for people.
    pub source: String,
    /// Every group, parents first, with what it is for.
    pub groups: BTreeMap<GroupName, Option<Description>>,
    /// Who is on which roster.
    pub rosters: BTreeMap<Roster, BTreeSet<UserId>>,
    /// Who is banned.
    pub banned: BTreeSet<UserId>,
    /// What has no place, a line each.
    pub left_out: Vec<String>,
    /// What is good to know, a line each.
    pub notes: Vec<String>,
}

/// Why nothing can be placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The map is wrong.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two people would be one.
    #[error(
        "{0} and {1} would both be the user {2}; a line of the map calls one of them otherwise, or leaves them out with -"
    )]
    Users(String, String, UserId),
    /// Two groups would be one.
    #[error(
        "{0} and {1} would both be {2}; a line of the map calls one of them otherwise, or leaves it out with -"
    )]
    Groups(String, String, Roster),
    /// The map names somebody by what several are called.
    #[error("several users are called {0}; name them by what each alone is called: {1}")]
    SameName(String, String),
}

/// What has become of something.
#[derive(Clone, Debug)]
enum Place<T> {
    Here(T),
    /// It is left out, and told of.
    Nowhere(String),
    /// It is left out on purpose.
    Unwanted,
}

/// Places what was found.
///
/// # Errors
/// Everything that speaks against placing any of it.
pub fn place(found: Found, names: &Names) -> Result<Placed, Vec<Conflict>> {
    let wrong = wrong_names(&found, names);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let groups = groups(&found, names)?;
    let users = users(&found, names)?;
    let mut placed = Placed { source: found.source.clone(), ..Placed::default() };
    for (group, place) in found.groups.iter().zip(&groups) {
        placed.take_group(group, place);
    }
    let (mut lost, mut within) = (vec![Vec::new(); found.users.len()], BTreeMap::new());
    for &(group, user) in &found.members {
        match (&groups[group], &users[user]) {
            (Place::Here(roster), Place::Here(user)) => {
                placed.rosters.entry(roster.clone()).or_default().insert(user.clone());
            }
            (Place::Here(_), Place::Nowhere(_)) => {
                lost[user].push(found.groups[group].name.as_str());
            }
            (Place::Nowhere(_), _) => {
                let user = told(&found.users[user].names);
                within.entry(group).or_insert_with(Vec::new).push(user);
            }
            _ => {}
        }
    }
    for ((user, place), lost) in found.users.iter().zip(&users).zip(&lost) {
        placed.take_user(user, place, lost);
    }
    for (number, (group, place)) in found.groups.iter().zip(&groups).enumerate() {
        if let Place::Nowhere(why) = place {
            let within = within.get(&number).map(|users| listed(users));
            let (name, within) = (quoted(&group.name), within.as_deref().unwrap_or("nobody"));
            placed.left_out.push(format!("{name}, in which is {within}, is left out: {why}"));
        }
    }
    placed.left_out.extend(found.left_out);
    placed.notes.extend(found.notes);
    placed.notes.extend(names.unused());
    Ok(placed)
}

impl Placed {
    /// A ban, or that somebody has no place.
    fn take_user(&mut self, user: &FoundUser, place: &Place<UserId>, lost: &[&str]) {
        match place {
            Place::Here(id) if user.is_banned => {
                self.banned.insert(id.clone());
            }
            Place::Nowhere(why) if user.is_banned || !lost.is_empty() => {
                let name = quoted(told(&user.names));
                let ban = if user.is_banned { ", who is banned," } else { "" };
                let from = match lost {
                    [] => String::new(),
                    lost => format!(" of {}", listed(lost)),
                };
                self.left_out.push(format!("the user {name}{ban} is left out{from}: {why}"));
            }
            _ => {}
        }
    }

    fn take_group(&mut self, group: &FoundGroup, place: &Place<Roster>) {
        let Place::Here(roster) = place else { return };
        let Some(name) = roster.group() else { return };
        let own = group.description.clone().filter(|_| roster.role() == Role::Member);
        let described = self.groups.entry(name.clone()).or_default();
        *described = described.take().or(own);
        let mut above = name.parent();
        while let Some(parent) = above {
            above = parent.parent();
            self.groups.entry(parent).or_default();
        }
    }
}

/// What is wrong with the map, now that it is known what it is a map of.
fn wrong_names(found: &Found, names: &Names) -> Vec<Conflict> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, user) in found.users.iter().enumerate() {
        user.names.iter().for_each(|name| by_name.entry(name).or_default().push(number));
    }
    let groups: BTreeSet<&str> = found.groups.iter().map(|group| group.name.as_str()).collect();
    let both = names.both(|name| by_name.contains_key(name), |name| groups.contains(name));
    let mut wrong: Vec<Conflict> = both.into_iter().map(Conflict::Name).collect();
    let mut several: Vec<_> = by_name.iter().filter(|(_, users)| users.len() > 1).collect();
    several.sort();
    for (name, users) in several {
        if names.user(&[(*name).to_owned()]).is_some() {
            let called: Vec<&str> = users.iter().map(|it| told(&found.users[*it].names)).collect();
            wrong.push(Conflict::SameName(quoted(name), listed(&called)));
        }
    }
    wrong
}

/// Where each group goes.
fn groups(found: &Found, names: &Names) -> Result<Vec<Place<Roster>>, Vec<Conflict>> {
    let mut places: Vec<Option<Place<Roster>>> = vec![None; found.groups.len()];
    let mut wrong = Vec::new();
    for number in 0..found.groups.len() {
        // From the top down, without going deep.
        let mut way = vec![number];
        while let Some(&group) = way.last() {
            let above = match found.groups[group].meant {
                Meant::Below(above, _) | Meant::StaffOf(above) => Some(above),
                _ => None,
            };
            match above.filter(|above| places[*above].is_none() && !way.contains(above)) {
                Some(above) if places[group].is_none() => way.push(above),
                _ => {
                    if places[group].is_none() {
                        let above = above.and_then(|above| {
                            let name = found.groups[above].name.as_str();
                            Some((name, places[above].as_ref()?))
                        });
                        match group_place(&found.groups[group], above, names) {
                            Ok(place) => places[group] = Some(place),
                            Err(error) => {
                                wrong.push(Conflict::Name(error));
                                places[group] = Some(Place::Unwanted);
                            }
                        }
                    }
                    way.pop();
                }
            }
        }
    }
    let places: Vec<Place<Roster>> =
        places.into_iter().map(|place| place.unwrap_or(Place::Unwanted)).collect();
    let mut taken: BTreeMap<&Roster, &str> = BTreeMap::new();
    for (group, place) in found.groups.iter().zip(&places) {
        if let Place::Here(roster) = place
            && let Some(other) = taken.insert(roster, &group.name)
        {
            let (one, two) = (quoted(other), quoted(&group.name));
            wrong.push(Conflict::Groups(one, two, roster.clone()));
        }
    }
    if wrong.is_empty() { Ok(places) } else { Err(wrong) }
}

fn group_place(
    group: &FoundGroup,
    above: Option<(&str, &Place<Roster>)>,
    names: &Names,
) -> Result<Place<Roster>, NameError> {
    match names.group(&group.name) {
        Some(Ok(Said::Named(roster))) => return Ok(Place::Here(roster)),
        Some(Ok(Said::LeftOut)) => return Ok(Place::Unwanted),
        Some(Err(error)) => return Err(error),
        None => {}
    }
    let parsed = |text: &str| match text.parse::<GroupName>() {
        Ok(name) => Place::Here(Roster::Members(name)),
        Err(error) => Place::Nowhere(error.to_string()),
    };
    let of_above = |make: &dyn Fn(&GroupName) -> Place<Roster>| match above {
        Some((_, Place::Here(Roster::Members(above)))) => make(above),
        Some((_, Place::Unwanted)) => Place::Unwanted,
        Some((name, _)) => Place::Nowhere(format!("{} has no place as a group", quoted(name))),
        None => Place::Nowhere("what it belongs to is not there".to_owned()),
    };
    Ok(match &group.meant {
        Meant::RootStaff => Place::Here(Roster::RootStaff),
        Meant::Root(name) => parsed(name),
        Meant::Below(_, part) if part.contains('.') => {
            Place::Nowhere("a . parts group names, and this one is part of one".to_owned())
        }
        Meant::Below(_, part) => of_above(&|above| parsed(&format!("{above}.{part}"))),
        Meant::StaffOf(_) => of_above(&|above| Place::Here(Roster::Staff(above.clone()))),
        Meant::Nothing(why) => Place::Nowhere(why.clone()),
    })
}

/// Who each user is.
fn users(found: &Found, names: &Names) -> Result<Vec<Place<UserId>>, Vec<Conflict>> {
    let (mut places, mut wrong) = (Vec::new(), Vec::new());
    let mut taken: BTreeMap<UserId, &str> = BTreeMap::new();
    for user in &found.users {
        let place = match names.user(&user.names) {
            Some(Ok(Said::Named(id))) => Place::Here(id),
            Some(Ok(Said::LeftOut)) => Place::Unwanted,
            Some(Err(error)) => {
                wrong.push(Conflict::Name(error));
                Place::Unwanted
            }
            None => match &user.meant {
                Ok(id) => Place::Here(id.clone()),
                Err(why) => Place::Nowhere(why.clone()),
            },
        };
        if let Place::Here(id) = &place
            && let Some(other) = taken.insert(id.clone(), told(&user.names))
        {
            let (one, two) = (quoted(other), quoted(told(&user.names)));
            wrong.push(Conflict::Users(one, two, id.clone()));
        }
        places.push(place);
    }
    wrong.dedup();
    if wrong.is_empty() { Ok(places) } else { Err(wrong) }
}

fn told(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

/// Some names, as many as a line has room for.
pub(super) fn listed(names: &[&str]) -> String {
    let few = names.iter().take(LISTED).map(|name| quoted(name));
    let few: Vec<String> = few.collect();
    match names.len().saturating_sub(LISTED) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}
